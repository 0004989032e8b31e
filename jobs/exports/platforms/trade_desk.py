"""The Trade Desk, CRM data: one hashed identifier a line, and what the upload must say.

Sources: segmentio/action-destinations, the-trade-desk-crm (POST /v3/crmdata/segment/{advertiser}/{crmDataId} gives an
address for the PUT, which ends after an hour; least 1,500 rows); docs.tealium.com, The Trade Desk CRM Data (phones are
not for the EU); unifiedid.com, normalisation (e-mail of gmail.com, E.164, base64 of the 32 bytes). Which categories it
forbids was found in no document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from jobs.exports.files.file_drop import FileDrop, SeedFile
from jobs.exports.files.file_parts import Layout
from jobs.exports.hashing import IdFormat
from jobs.exports.platform import ApiLimits
from quanyu.errors import ConfigError
from quanyu.grammar.bounds import StrictModel

LEAST_ROWS = 1_500
# The e-mails' type is Segment's. That of phones was not seen in a document: ask the account manager.
PII_TYPES = {"email": "EmailHashedUnifiedId2"}
STEPS = (
    "POST `request` to https://api.thetradedesk.com/v3/crmdata/segment/ADVERTISER/CRMDATAID with the header TTD-Auth",
    "PUT the file as text/plain to the `Url` of the answer within an hour; it replaces the members of the day before",
    "type the matched count that the page shows into the feed audience_counts",
)


class TradeDeskOptions(StrictModel):
    """Options of an account of The Trade Desk."""

    region: Literal["us", "eu", "apac"] = Field("us", description="where the persons of the data live")


class TradeDesk(FileDrop):
    """One text file of e-mails and one of phones for The Trade Desk: base64 of the SHA-256, no header."""

    name = "trade_desk"
    forms: ClassVar[Mapping[str, IdFormat]] = {
        "email": IdFormat("email_uid2", "sha256_base64"),
        "phone": IdFormat("e164", "sha256_base64"),
    }
    layout = Layout(suffix=".txt", header=False)
    files = (SeedFile(("email",), LEAST_ROWS), SeedFile(("phone",), LEAST_ROWS))
    limits = ApiLimits(batch=100_000_000, least=LEAST_ROWS)
    options = TradeDeskOptions
    steps = STEPS

    def check(self, identifiers: Sequence[str]) -> None:
        """Raise ConfigError for phones of the EU."""
        if self.settings.region == "eu" and "phone" in identifiers:
            raise ConfigError("The Trade Desk takes no phones of the EU: write `send: [email]` in the account's file")

    def request(self) -> Mapping[str, Any]:
        """Body of the call that asks where to put the e-mails."""
        return {"PiiType": PII_TYPES["email"], "MergeMode": "Replace", "RetentionEnabled": True}
