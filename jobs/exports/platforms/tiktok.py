"""TikTok: custom audiences by files of hashes, and campaign results.

A token of the Marketing API does not end by itself and has no refresh token (business-api.tiktok.com, docs
1738373164380162 and 1738373141733378), so it is used as it is given; tokens of a day are of interfaces for creators.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from pydantic import Field

from jobs.exports.hashing import IdFormat
from jobs.exports.http import ErrorCodes, Http
from jobs.exports.platform import ApiLimits, Batch, BatchReceipt, CampaignDay, OnlinePlatform, StatusAnswer
from quanyu.errors import QuanyuError, RejectedError, RetryableError
from quanyu.grammar.bounds import StrictModel
from quanyu.grammar.platforms.account import Account
from quanyu.grammar.platforms.categories import Category

# github.com/tiktok/tiktok-business-api-sdk: yml_files, python_sdk/docs/{AudienceApi, CustomAudienceCreateBody,
# CustomAudienceUpdateBody}.md; ads.tiktok.com/help/article/manage-custom-audience (2024-10). No document gives the
# largest file; ours stay below 33 MB.
LIMITS = ApiLimits(batch=500_000, least=1_000, lifetime=timedelta(days=365))
# ads.tiktok.com/help, notifications of potentially prohibited data sharing, and section 2.8 of the terms of business
# products: nothing of children, health or finances.
FORBIDS: tuple[Category, ...] = ("minors", "health", "financial_status", "financial_accounts")
# An audience takes one type of hash for ever: each identifier has its own. `calculate_type`:
TYPES = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256", "device:idfa": "IDFA_SHA256", "device:gaid": "GAID_SHA256"}
FOLDER = "dmp/custom_audience"
# Errors come with HTTP 200 and a code that is not 0; 40002 is any wrong parameter.
PARAMETER = 40002
CODES = ErrorCodes(
    soon={40100: "too many calls", 42900: "too many calls"},
    own_faults=50000,
    token={40102: "the token has ended", 40104: "no token", 40105: "a wrong token"},
    gone={40007: "the audience was deleted in TikTok Ads Manager"},
    act={
        40001: "let the token's user manage the audiences of the account",
        40300: "let the token's user manage the audiences of the account",
    },
)
# An update that would leave fewer than the least fails as a whole; only its message tells it from other parameters.
TOO_FEW = re.compile(r"(?<!\d)1,?000(?!\d)|less than the minimum")
# A report by day spans at most 30 days.
PAGE, REPORT_PAGE, REPORT_DAYS = 100, 1_000, 30


class TooFewLeftError(RejectedError):
    """An audience would have fewer members than TikTok keeps."""


class TiktokOptions(StrictModel):
    """What an account on TikTok needs besides."""

    conversion: str = Field("complete_payment", description="metric that counts as a conversion in results")
    revenue: str = Field("total_complete_payment_rate", description="metric that is the value of those conversions")


class Tiktok(OnlinePlatform):
    """Custom audiences by hashed e-mails, phones and advertising ids, one on TikTok for each kind of identifier.

    An audience's id is our code: TikTok creates none without a file, so each is created with its first batch, under
    the code and the type of its hashes. TikTok refuses a removal that would leave fewer than 1,000. Such an audience
    is deleted as a whole: nobody who left may stay.
    """

    name = "tiktok"
    url, token_header = "https://business-api.tiktok.com/open_api/v1.3", ("Access-Token", "{}")
    limits, forbids, codes = LIMITS, FORBIDS, CODES
    options = TiktokOptions
    forms: ClassVar[Mapping[str, IdFormat]] = {
        "email": IdFormat("email_tiktok"),
        "phone": IdFormat("e164"),
        "device:idfa": IdFormat("lower"),
        "device:gaid": IdFormat("lower"),
    }

    def __init__(self, account: Account, http: Http) -> None:
        super().__init__(account, http)
        self._ids: dict[str, str] | None = None

    @classmethod
    def check(cls, status: int, body: Any) -> QuanyuError | None:
        """Read `code`; 0 is success. That too few would be left, the message alone tells."""
        if isinstance(body, dict) and body.get("code") == PARAMETER and TOO_FEW.search(str(body.get("message", ""))):
            return TooFewLeftError("tiktok: the audience would have fewer than 1,000 members")
        return super().check(status, body)

    def open_audience(self, code: str, description: str) -> str:
        """The code itself: TikTok creates an audience with its first file."""
        return code

    def add(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Upload the values as a file and append it to the audience of their type, or create that."""
        name, path = _name(audience_id, batch.identifier), self._upload(batch)
        try:
            if known := self._known().get(name):
                self._update(known, "APPEND", path)
            else:
                self._create(name, batch.identifier, path)
        except TooFewLeftError as error:
            return BatchReceipt(path, "failed", words=str(error))
        return BatchReceipt(path)

    def remove(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Take the values out of the audience of their type; delete that if TikTok would keep them otherwise."""
        name = _name(audience_id, batch.identifier)
        known = self._known().get(name)
        if known is None:
            # Nobody of the type is there: a run may have ended after it deleted the audience.
            return BatchReceipt("nobody", emptied=True)
        path = self._upload(batch)
        try:
            self._update(known, "REMOVE", path)
        except TooFewLeftError as error:
            self._delete(name, known)
            return BatchReceipt(path, emptied=True, words=f"{error}, so it was deleted")
        return BatchReceipt(path)

    def _upload(self, batch: Batch) -> str:
        data = "\n".join(batch.values.to_pylist()).encode() + b"\n"
        # TikTok wants MD5 as the checksum of the file.
        form = {
            "advertiser_id": self.account.account,
            "calculate_type": TYPES[batch.identifier],
            "file_signature": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        }
        files = {"file": (f"{batch.key}.txt", data, "text/plain")}
        answer = self.http.call("POST", f"{FOLDER}/file/upload/", data=form, files=files)
        return str(answer["data"]["file_path"])

    def _create(self, name: str, identifier: str, path: str) -> None:
        content = {"custom_audience_name": name, "calculate_type": TYPES[identifier], "file_paths": [path]}
        try:
            # A second attempt could create a second audience.
            self._post("create", content, attempts=1)
        except RetryableError:
            self._ids = None
            if name not in self._known():
                raise
        self._ids = None

    def _update(self, audience: str, action: str, path: str) -> None:
        self._post("update", {"custom_audience_id": audience, "action": action, "file_paths": [path]})

    def _delete(self, name: str, audience: str) -> None:
        try:
            self._post("delete", {"custom_audience_ids": [audience]}, attempts=1)
        except RetryableError:
            self._ids = None
            if name in self._known():
                raise
        self._ids = None

    def _post(self, verb: str, content: Mapping[str, Any], **how: int) -> None:
        self.http.call(
            "POST", f"{FOLDER}/{verb}/", json={"advertiser_id": self.account.account, **content}, **how
        )  # fmt: skip

    def _known(self) -> dict[str, str]:
        """The account's audiences: TikTok's id by name."""
        if self._ids is None:
            self._ids = {row["name"]: str(row["audience_id"]) for row in self._audiences()}
        return self._ids

    def _audiences(self) -> Iterator[Mapping[str, Any]]:
        return self._pages(f"{FOLDER}/list/", {"page_size": str(PAGE)})

    def _pages(self, path: str, params: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        page, last = 1, 1
        while page <= last:
            numbered = {"advertiser_id": self.account.account, **params, "page": str(page)}
            data = self.http.call("GET", path, params=numbered)["data"]
            yield from data.get("list", ())
            page, last = page + 1, int(data.get("page_info", {}).get("total_page", 1))

    def status(self, audience_id: str) -> StatusAnswer:
        """The largest of the audiences of our code stands for all: the same persons may be in each."""
        names = {_name(audience_id, identifier) for identifier in TYPES}
        rows = [row for row in self._audiences() if row["name"] in names]
        if not rows:
            return StatusAnswer(state="parsing", words="nothing was uploaded", gone=True)
        matched = max(int(row.get("cover_num") or 0) for row in rows)
        days = [date.fromisoformat(row["expired_time"][:10]) for row in rows if row.get("expired_time")]
        expires_on = min(days, default=None)
        if any(row.get("is_valid") for row in rows):
            return StatusAnswer(state="usable", matched=matched, usable=matched, expires_on=expires_on)
        if expires_on is not None and expires_on < date.today():
            words = "the audience has expired: delete it in TikTok Ads Manager"
            return StatusAnswer(state="failed", words=words, matched=matched, expires_on=expires_on)
        if not matched:
            return StatusAnswer(state="parsing", expires_on=expires_on)
        words = f"fewer than {LIMITS.least} of its members are known to TikTok"
        return StatusAnswer(state="published", words=words, matched=matched, usable=0, expires_on=expires_on)

    def results(self, first: date, last: date) -> Iterator[CampaignDay]:
        """Auction campaigns by day. Which metrics are conversions and their value, the account's options say."""
        conversion, revenue = self.settings.conversion, self.settings.revenue
        params = {
            "report_type": "BASIC", "data_level": "AUCTION_CAMPAIGN", "page_size": str(REPORT_PAGE),
            "dimensions": json.dumps(["campaign_id", "stat_time_day"]),
            "metrics": json.dumps(["spend", "currency", "impressions", "clicks", conversion, revenue]),
        }  # fmt: skip
        while first <= last:
            end = min(last, first + timedelta(days=REPORT_DAYS - 1))
            window = {"start_date": first.isoformat(), "end_date": end.isoformat()}
            for row in self._pages("report/integrated/get/", {**params, **window}):
                metrics, dimensions = row["metrics"], row["dimensions"]
                yield CampaignDay(
                    campaign=str(dimensions["campaign_id"]), day=date.fromisoformat(dimensions["stat_time_day"][:10]),
                    impressions=int(metrics["impressions"]), clicks=int(metrics["clicks"]),
                    cost=Decimal(metrics["spend"]), currency=metrics["currency"],
                    conversions=Decimal(metrics.get(conversion, "0")), revenue=Decimal(metrics.get(revenue, "0")),
                )  # fmt: skip
            first = end + timedelta(days=1)


def _name(code: str, identifier: str) -> str:
    return f"{code} {TYPES[identifier]}"
