"""Custom audiences: they are found by our code, and take batches as upload sessions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from jobs.exports.platform import Batch, BatchReceipt, CampaignDay, Conversion, OnlinePlatform, StatusAnswer
from jobs.exports.platforms.meta import data
from jobs.exports.platforms.meta.conversions import report
from jobs.exports.platforms.meta.options import MetaOptions
from jobs.exports.platforms.meta.pages import rows_of
from jobs.exports.platforms.meta.results import campaign_days
from jobs.exports.platforms.meta.status import FIELDS, status_of
from jobs.exports.platforms.meta.uploads import invalid_words, new_session, upload
from quanyu.errors import ConfigError, LaterError, QuanyuError, RejectedError, RetryableError


class SeedTooSmallError(LaterError):
    """Meta has not found enough of a seed's members yet."""


class Meta(OnlinePlatform):
    """Custom audiences on Facebook and Instagram by hashed e-mails and phones and by clear advertising ids."""

    name = "meta"
    url, limits, forms, forbids, codes = data.URL, data.LIMITS, data.FORMS, data.FORBIDS, data.CODES
    options = MetaOptions

    @classmethod
    def check(cls, status: int, body: Any) -> QuanyuError | None:
        """Read `error.code` and its subcode."""
        error = body.get("error") if isinstance(body, dict) else None
        if not isinstance(error, dict) or "code" not in error:
            return None
        code, subcode = int(error["code"]), error.get("error_subcode")
        if subcode == data.TOO_SMALL_SUBCODE:
            return SeedTooSmallError("meta: the seed has too few known persons as yet")
        if error.get("is_transient") and code not in cls.codes.later:
            return RetryableError(f"meta: failed for a moment ({code})")
        code, subcode = (subcode, code) if subcode in (data.FLAGGED_SUBCODE, data.UNKNOWN_SUBCODE) else (code, subcode)
        return cls.codes.error(cls.name, code, f"with {subcode}" if subcode else "")

    def open_audience(self, code: str, description: str) -> str:
        """Find the audience by our code, which is its name, or create it."""
        content = {
            "name": code,
            "description": description,
            "subtype": "CUSTOM",
            "customer_file_source": "USER_PROVIDED_ONLY",
            **({"is_value_based": True} if self.settings.value_based else {}),
        }
        return self._named(code) or self._create(content)

    def _create(self, content: Mapping[str, Any]) -> str:
        try:
            # Names may repeat on Meta: a second attempt could create a second audience.
            answer = self.http.call("POST", f"act_{self.account.account}/customaudiences", json=content, attempts=1)
        except RetryableError:
            if audience_id := self._named(content["name"]):
                return audience_id
            raise
        return str(answer["id"])

    def _named(self, name: str) -> str | None:
        params = {"fields": "id,name", "limit": "200"}
        audiences = rows_of(self.http, f"act_{self.account.account}/customaudiences", params)
        return next((str(audience["id"]) for audience in audiences if audience["name"] == name), None)

    def add(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Add a batch as an upload session of its own: Meta ignores a session's batch that it knows already."""
        return self._send("POST", f"{audience_id}/users", batch, new_session(), 1, True)

    def remove(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Remove a batch as an upload session of its own."""
        return self._send("DELETE", f"{audience_id}/users", batch, new_session(), 1, True)

    def replace(self, audience_id: str, batches: Iterator[Batch]) -> BatchReceipt:
        """Replace all members in one session; the last batch closes it. Nothing is replaced by nobody."""
        session, place, invalid, current = new_session(), 0, 0, next(batches, None)
        if current is None:
            raise RejectedError("meta: an audience cannot be replaced by nobody; remove its members")
        while current is not None:
            place, following = place + 1, next(batches, None)
            receipt = self._send("POST", f"{audience_id}/usersreplace", current, session, place, following is None)
            invalid, current = invalid + receipt.invalid + len(receipt.rejected), following
        return BatchReceipt(str(session), invalid=invalid, words=invalid_words(invalid))

    def _send(self, method: str, path: str, batch: Batch, session: int, place: int, is_last: bool) -> BatchReceipt:
        return upload(self.http, method, path, batch, session, place, is_last, self.settings.value_based)

    def publish(self, audience_id: str) -> None:
        """Create the lookalike that the account asks for, once; Meta refreshes it by itself.

        Meta takes hours to find a new seed's members: until then there is none, and status says that they are few.
        """
        wanted = self.settings.lookalike
        if wanted is None:
            return
        name = f"lookalike {audience_id} {wanted.country} {wanted.ratio:g}"
        specification = {"type": "custom_ratio", "ratio": wanted.ratio, "country": wanted.country}
        content = {
            "name": name,
            "subtype": "LOOKALIKE",
            "origin_audience_id": audience_id,
            "lookalike_spec": json.dumps(specification),
        }
        with suppress(SeedTooSmallError):
            self._named(name) or self._create(content)

    def status(self, audience_id: str) -> StatusAnswer:
        """Size by Meta's lower bound, and the share of all uploaded values that Meta knew."""
        audience = self.http.call("GET", audience_id, params={"fields": FIELDS})
        counts = {"fields": "num_received,num_matched", "limit": "100"}
        return status_of(audience, list(rows_of(self.http, f"{audience_id}/sessions", counts)))

    def results(self, first: date, last: date) -> Iterator[CampaignDay]:
        """Insights of campaigns by day. Conversions are the actions of the type that the account's options name."""
        return campaign_days(self.http, self.account.account, self.settings.conversion, first, last)

    def convert(self, conversions: Sequence[Conversion]) -> BatchReceipt:
        """Send purchases as events of the dataset. Meta takes an event of the same name and id once."""
        if not self.settings.dataset:
            raise ConfigError(f"conf/platforms/{self.account.name}.yml: options: dataset is needed for conversions")
        return report(self.http, self.settings.dataset, self.settings.action_source, conversions)
