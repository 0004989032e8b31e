"""LiveRamp: quoted CSV files with the hash in the header, for its SFTP (files.liveramp.com:22), S3, or upload page.

Sources: docs.liveramp.com, "Formatting Column-Based Files", "Formatting Identifiers", "Hashing Identifiers" and
"Formatting File Data"; segmentio/action-destinations, liveramp-audiences (least 25 rows). Headers are capitals; a
column of the segment has 1 in every row. LiveRamp matches more if an e-mail comes by SHA-256, MD5 and SHA-1: we send
the first. Names may not be hashed, and are not sent. Which categories it forbids was found in no document.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from jobs.exports.files.file_drop import FileDrop, SeedFile
from jobs.exports.files.file_parts import Layout
from jobs.exports.hashing import IdFormat
from jobs.exports.platform import ApiLimits
from quanyu.errors import ConfigError
from quanyu.grammar.bounds import StrictModel

LEAST_ROWS = 25
# A segment's header: letters, digits and underscores, at most 128.
NO_HEADER = re.compile(r"[^A-Z0-9_]")
LONGEST_HEADER = 128
STEPS = (
    "put each file whose `problem` is null on files.liveramp.com:22 or the account's S3, known and device ids apart",
    "always the same columns for an audience: a changed header stops the ingestion",
    "type the matched count that Connect shows into the feed audience_counts",
)


class LiveRampOptions(StrictModel):
    """Options of an account of LiveRamp."""

    region: Literal["us", "eu"] = Field("us", description="where the persons of the data live")


class LiveRamp(FileDrop):
    """Quoted CSV with a header for LiveRamp: e-mail and phone in one file, device ids each in a file of their own."""

    name = "liveramp"
    forms: ClassVar[Mapping[str, IdFormat]] = {
        "email": IdFormat("lower_trim", "sha256"),
        # The national digits, ten in the United States.
        "phone": IdFormat("national", "sha1"),
        "device:idfa": IdFormat("upper", "sha1"),
        "device:gaid": IdFormat("lower", "sha1"),
    }
    headers: ClassVar[Mapping[str, str]] = {
        "email": "EMAIL1_SHA-256", "phone": "PHONE1_SHA-1", "device:idfa": "IDFA_SHA-1", "device:gaid": "AAID_SHA-1",
    }  # fmt: skip
    layout = Layout(suffix=".csv", quoted=True)
    # Known and pseudonymous identifiers never share a file.
    files = (
        SeedFile(("email", "phone"), LEAST_ROWS),
        SeedFile(("device:idfa",), LEAST_ROWS),
        SeedFile(("device:gaid",), LEAST_ROWS),
    )
    limits = ApiLimits(batch=100_000_000, least=LEAST_ROWS)
    options = LiveRampOptions
    steps = STEPS

    def check(self, identifiers: Sequence[str]) -> None:
        """Raise ConfigError for hashed phones of the EU."""
        if self.settings.region == "eu" and "phone" in identifiers:
            raise ConfigError("LiveRamp takes no hashed phones of the EU: leave phone out of `send` in the account")

    def constants(self, audience: str) -> Mapping[str, str]:
        """The column of the segment, named after the audience."""
        return {NO_HEADER.sub("_", audience.upper())[:LONGEST_HEADER]: "1"}
