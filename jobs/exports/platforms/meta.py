"""Meta: custom audiences of Facebook and Instagram, their lookalikes, campaign results, and own conversions."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import Field

from jobs.exports.hashing import IdFormat
from jobs.exports.http import ErrorCodes
from jobs.exports.platform import ApiLimits, Batch, BatchReceipt, CampaignDay, Conversion, OnlinePlatform, StatusAnswer
from quanyu.errors import ConfigError, LaterError, QuanyuError, RejectedError, RetryableError
from quanyu.grammar.bounds import StrictModel
from quanyu.grammar.platforms.categories import Category

# developers.facebook.com/documentation/ads-commerce/marketing-api: audiences/guides/custom-audiences (2026-04-28),
# reference/custom-audience/{users,usersreplace} (2025-10-08), reference/custom-audience-session.
VERSION = "v25.0"
LIMITS = ApiLimits(batch=10_000, least=100, lifetime=timedelta(days=730))
# conversions-api/parameters/server-event (2026-02-12) and offline-events (2026-01-05): one event that is too old fails
# the whole call; those of shops may be older.
EVENTS, OLDEST, OLDEST_IN_SHOP = 1_000, timedelta(days=7), timedelta(days=62)
# The key of a value's column, and of the field of a conversion's user. An EXTERN_ID is ours alone: it matches nobody
# on its own, so no customer number leaves.
KEYS = {"email": "EMAIL", "phone": "PHONE", "device:idfa": "MADID", "device:gaid": "MADID"}
USER_FIELDS = {"email": "em", "phone": "ph", "device:idfa": "madid", "device:gaid": "madid"}
VALUE = "LOOKALIKE_VALUE"
# reference/custom-audience (2025-12-19): audiences that suggest health or financial status are flagged (471). The terms
# forbid facts of children and other sensitive ones; that those are the last four is general knowledge.
FORBIDS: tuple[Category, ...] = (
    "health", "financial_status", "financial_accounts", "minors",
    "ethnicity", "politics", "religion", "sexual_orientation",
)  # fmt: skip
# Codes of errors: after a while the same call succeeds, soon it succeeds, and who must do what.
FLAGGED = "appeal in Audience Manager: Meta flagged the audience for what its name or members suggest"
FLAGGED_SUBCODE, TOO_SMALL_SUBCODE, UNKNOWN_SUBCODE = 1713230, 1713007, 33
CODES = ErrorCodes(
    later=dict.fromkeys((4, 17, 368, 613, 80003, 80004), "too many calls"),
    soon=dict.fromkeys((1, 2, 341, 5000), "failed for a moment"),
    token={190: "the token is wrong or has ended"},
    gone={1487366: "the audience was deleted in Audience Manager", UNKNOWN_SUBCODE: "no such object"},
    act={
        **dict.fromkeys((10, 200, 294), "let the token's user manage the ad account (ads_management)"),
        105: "the call has too many parameters",
        2650: "the audience could not be updated; see it in Audience Manager",
        2654: "the audience could not be created; see it in Audience Manager",
        2655: "accept Meta's terms of custom audiences for the ad account",
        1487301: "share the audience with the ad account again",
        FLAGGED_SUBCODE: FLAGGED,
    },
)
# operation_status.code
POPULATING = {441}
FAILED = {471: FLAGGED, 500: "see the audience in Audience Manager: Meta reports an error"}
REMARKS = {
    100: "expires soon: use it in a campaign",
    410: "nobody was uploaded",
    411: "few of those sent are known to Meta",
    412: "many of those sent are invalid",
}
READY = 200


class SeedTooSmallError(LaterError):
    """Meta has not found enough of a seed's members yet."""


class MetaLookalike(StrictModel):
    """Persons like those of each audience, whom Meta finds in a country."""

    country: str = Field(description="two letters of the country", pattern=r"^[A-Z]{2}$")
    ratio: float = Field(0.01, ge=0.01, le=0.2, description="share of the country's persons")


class MetaOptions(StrictModel):
    """What an account on Meta needs besides."""

    lookalike: MetaLookalike | None = Field(None, description="lookalike that is created of each audience")
    value_based: bool = Field(False, description="whether audiences carry values by which Meta ranks their members")
    dataset: str = Field("", description="id of the dataset that receives own conversions")
    action_source: Literal["physical_store", "website", "app", "system_generated", "other"] = Field(
        "physical_store", description="where the conversions happened"
    )
    conversion: str = Field("omni_purchase", description="type of action that counts as a conversion in results")


class Meta(OnlinePlatform):
    """Custom audiences on Facebook and Instagram by hashed e-mails and phones and by clear advertising ids."""

    name = "meta"
    url = f"https://graph.facebook.com/{VERSION}"
    limits, forbids, codes = LIMITS, FORBIDS, CODES
    options = MetaOptions
    forms: ClassVar[Mapping[str, IdFormat]] = {
        "email": IdFormat("lower_trim"),
        "phone": IdFormat("e164_digits"),
        "device:idfa": IdFormat("lower", "none"),
        "device:gaid": IdFormat("lower", "none"),
    }

    @classmethod
    def check(cls, status: int, body: Any) -> QuanyuError | None:
        """Read `error.code` and its subcode."""
        error = body.get("error") if isinstance(body, dict) else None
        if not isinstance(error, dict) or "code" not in error:
            return None
        code, subcode = int(error["code"]), error.get("error_subcode")
        if subcode == TOO_SMALL_SUBCODE:
            return SeedTooSmallError("meta: the seed has too few known persons as yet")
        if error.get("is_transient") and code not in cls.codes.later:
            return RetryableError(f"meta: failed for a moment ({code})")
        code, subcode = (subcode, code) if subcode in (FLAGGED_SUBCODE, UNKNOWN_SUBCODE) else (code, subcode)
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
        audiences = self._pages(f"act_{self.account.account}/customaudiences", {"fields": "id,name", "limit": "200"})
        return next((str(audience["id"]) for audience in audiences if audience["name"] == name), None)

    def _pages(self, path: str, params: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        after: dict[str, str] = {}
        while True:
            answer = self.http.call("GET", path, params={**params, **after})
            yield from answer["data"]
            paging = answer.get("paging", {})
            if "next" not in paging:
                return
            after = {"after": paging["cursors"]["after"]}

    def add(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Add a batch as an upload session of its own: Meta ignores a session's batch that it knows already."""
        return self._send("POST", f"{audience_id}/users", batch, _session(), 1, True)

    def remove(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Remove a batch as an upload session of its own."""
        return self._send("DELETE", f"{audience_id}/users", batch, _session(), 1, True)

    def replace(self, audience_id: str, batches: Iterator[Batch]) -> BatchReceipt:
        """Replace all members in one session; the last batch closes it. Nothing is replaced by nobody."""
        session, place, invalid, current = _session(), 0, 0, next(batches, None)
        if current is None:
            raise RejectedError("meta: an audience cannot be replaced by nobody; remove its members")
        while current is not None:
            place, following = place + 1, next(batches, None)
            receipt = self._send("POST", f"{audience_id}/usersreplace", current, session, place, following is None)
            invalid, current = invalid + receipt.invalid + len(receipt.rejected), following
        return BatchReceipt(str(session), invalid=invalid, words=_words(invalid))

    def _send(self, method: str, path: str, batch: Batch, session: int, place: int, is_last: bool) -> BatchReceipt:
        answer = self.http.call(method, path, json={
            "session": {"session_id": session, "batch_seq": place, "last_batch_flag": is_last},
            "payload": _payload(batch, self.settings.value_based),
        })  # fmt: skip
        invalid, rejected = int(answer.get("num_invalid_entries", 0)), _positions(batch, answer)
        return BatchReceipt(
            str(session), rejected=rejected, invalid=max(0, invalid - len(rejected)), words=_words(invalid)
        )

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
        fields = "approximate_count_lower_bound,operation_status,delivery_status"
        audience = self.http.call("GET", audience_id, params={"fields": fields})
        operation = int(audience.get("operation_status", {}).get("code", 0))
        delivery = int(audience.get("delivery_status", {}).get("code", 0))
        size = int(audience.get("approximate_count_lower_bound", -1))
        matched = size if size >= 0 else None
        sessions = list(self._pages(f"{audience_id}/sessions", {"fields": "num_received,num_matched", "limit": "100"}))
        received = sum(int(session.get("num_received", 0)) for session in sessions)
        rate = sum(int(session.get("num_matched", 0)) for session in sessions) / received if received else None
        if operation in FAILED:
            return StatusAnswer(state="failed", words=FAILED[operation], matched=matched, match_rate=rate)
        if operation in POPULATING:
            return StatusAnswer(state="parsing", matched=matched, match_rate=rate)
        ready = delivery == READY
        words = REMARKS.get(operation, "" if ready else f"fewer than {LIMITS.least} of its members are known to Meta")
        usable = matched if ready else 0
        state: Literal["usable", "published"] = "usable" if ready else "published"
        return StatusAnswer(state=state, words=words, matched=matched, usable=usable, match_rate=rate)

    def results(self, first: date, last: date) -> Iterator[CampaignDay]:
        """Insights of campaigns by day. Conversions are the actions of the type that the account's options name."""
        params = {
            "level": "campaign", "time_increment": "1", "limit": "500",
            "time_range": json.dumps({"since": first.isoformat(), "until": last.isoformat()}),
            "fields": "campaign_id,account_currency,impressions,clicks,spend,actions,action_values",
        }  # fmt: skip
        for row in self._pages(f"act_{self.account.account}/insights", params):
            yield CampaignDay(
                campaign=row["campaign_id"], day=date.fromisoformat(row["date_start"]),
                impressions=int(row.get("impressions", 0)), clicks=int(row.get("clicks", 0)),
                cost=Decimal(row.get("spend", "0")), currency=row["account_currency"],
                conversions=self._action(row.get("actions", ())), revenue=self._action(row.get("action_values", ())),
            )  # fmt: skip

    def _action(self, actions: Sequence[Mapping[str, Any]]) -> Decimal:
        wanted = self.settings.conversion
        return sum((Decimal(action["value"]) for action in actions if action["action_type"] == wanted), Decimal(0))

    def convert(self, conversions: Sequence[Conversion]) -> BatchReceipt:
        """Send purchases as events of the dataset. Meta takes an event of the same name and id once."""
        if not self.settings.dataset:
            raise ConfigError(f"conf/platforms/{self.account.name}.yml: options: dataset is needed for conversions")
        oldest = datetime.now(UTC) - (OLDEST_IN_SHOP if self.settings.action_source == "physical_store" else OLDEST)
        known = [conversion.happened_at > oldest and bool(_user(conversion)) for conversion in conversions]
        sent = [self._event(conversion) for conversion, is_known in zip(conversions, known, strict=True) if is_known]
        received, handles = 0, []
        for first in range(0, len(sent), EVENTS):
            content = {"data": sent[first : first + EVENTS]}
            answer = self.http.call("POST", f"{self.settings.dataset}/events", json=content)
            received += int(answer["events_received"])
            handles.append(str(answer.get("fbtrace_id", "")))
        rejected = [place for place, is_known in enumerate(known) if not is_known]
        words = f"{len(rejected)} are too old for Meta or have no identifier that it takes" if rejected else ""
        return BatchReceipt(",".join(handles), rejected=rejected, invalid=len(sent) - received, words=words)

    def _event(self, conversion: Conversion) -> dict[str, Any]:
        return {
            "event_name": "Purchase",
            "event_time": int(conversion.happened_at.timestamp()),
            "event_id": conversion.key,
            "action_source": self.settings.action_source,
            "user_data": _user(conversion),
            "custom_data": {"value": float(conversion.amount), "currency": conversion.currency},
        }


def _session() -> int:
    """Number of an upload session: positive, unique within the ad account."""
    return secrets.randbits(62) + 1


def _payload(batch: Batch, weighted: bool) -> dict[str, Any]:
    key, values = KEYS[batch.identifier], batch.values.to_pylist()
    if batch.weights is None or not weighted:
        return {"schema": [key], "data": [[value] for value in values]}
    weights = batch.weights.to_pylist()
    return {"schema": [key, VALUE], "data": [[*pair] for pair in zip(values, weights, strict=True)]}


def _positions(batch: Batch, answer: Mapping[str, Any]) -> list[int]:
    """Positions of the invalid values that Meta samples."""
    samples = answer.get("invalid_entry_samples") or ()
    if not samples:
        return []
    places = {value: place for place, value in enumerate(batch.values.to_pylist())}
    return sorted(places[sample] for sample in samples if isinstance(sample, str) and sample in places)


def _words(invalid: int) -> str:
    return f"{invalid} values are invalid to Meta" if invalid else ""


def _user(conversion: Conversion) -> dict[str, Any]:
    fields = {USER_FIELDS[kind]: text for kind, text in conversion.identifiers.items() if kind in USER_FIELDS}
    return {name: text if name == "madid" else [text] for name, text in fields.items()}
