"""Tencent Ads 腾讯广告: customer files by id, with append and reduce, lookalikes, and daily reports.

Sources: developers.e.qq.com/v3.0/docs/api (custom_audiences, custom_audience_files, daily_reports; enums),
developers.e.qq.com/docs/audience_management/file and datanexus.qq.com/doc/develop/guider/interface/user_id (forms of
identifiers). Codes of errors: developers.e.qq.com, 返回码.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from jobs.exports.files.zips import joined, zipped
from jobs.exports.hashing import IdFormat
from jobs.exports.http import ErrorCodes
from jobs.exports.names import account_number, fitted
from jobs.exports.platform import ApiLimits, Batch, BatchReceipt, CampaignDay, OnlinePlatform, StatusAnswer
from jobs.exports.tokens import OAuthOptions, Renewal
from quanyu.errors import RejectedError
from quanyu.grammar.platforms.categories import SENSITIVE_BY_LAW_OF_CHINA

if TYPE_CHECKING:
    from jobs.exports.http import Request

# user_id_type by our identifier; its form is in `forms`. Phones and device ids leave hashed, the ids of WeChat and
# CAID as they are: the platform has no hash of them.
ID_TYPES = {
    "phone": "SHA256_MOBILE_PHONE", "unionid": "WX_UNIONID", "openid": "WECHAT_OPENID", "device:idfa": "HASH_IDFA",
    "device:oaid": "HASH_OAID", "device:imei": "HASH_IMEI", "device:caid": "CAID",
}  # fmt: skip
# Least members of a seed: v1.1 says 2,000, v3.0 says 100, but v3.0's error 101 still says fewer than 2,000 active.
LEAST = {"v1.1": 2_000, "v3.0": 100}
# A zip has at most 100 MB. A million lines of 65 bytes are less before they are compressed.
MOST_BYTES, LINES = 100_000_000, 1_000_000
LONGEST_NAME, LONGEST_CODE, LONGEST_DESCRIPTION, LETTERS = 32, 128, 250, "[A-Za-z0-9_]"
# Lookalikes: a multiple of 500,000, from 500,000 to 100,000,000 (v3.0).
EXPAND_STEP, MOST_EXPANDED = 500_000, 100_000_000
MOST_SEED = 30_000_000
# A query spans at most 90 days.
REPORT_DAYS, PAGE_SIZE = 90, 100
CODES = ErrorCodes(
    soon={10000: "asks to repeat the call", 11008: "too many calls", 11016: "too many calls in a second",
          11019: "too many calls"},
    later={11017: "too many calls in a minute", 11018: "too many calls in a day"},
    token={11000: "no token", 11002: "the token has ended", 11004: "the token may not use this account",
           11012: "the token is not valid"},
    document="返回码 of the platform's documents",
)  # fmt: skip
# developers.e.qq.com/docs/api/authorize/oauth/oauth_token and v3.0/pages/authorization_and_authentication: a token of a
# day for a refresh token of 30 days, which stays and lives 30 days more with each use. Whether a token ends when the
# next is given is not said, so all processes share one. The other way, oauth/refresh_token, ends both old tokens.
RENEWAL = Renewal(
    url="https://api.e.qq.com", path="oauth/token", method="GET", sends="params", within="data", shared=True,
    lifetime="access_token_expires_in",
)  # fmt: skip
# error_code of an audience (custom_audiences/get).
AUDIENCE_CODES = {
    1: "an error of the platform: write to its service",
    101: "fewer than 2,000 active members: widen the seed",
    102: "the members have nothing in common: choose another seed",
    201: "a file has another form than its type",
    202: "a file could not be read",
    203: "no member of the files is known there",
}
READING = {"PENDING", "PROCESSING", "THAWING", "LOCKING"}


class TencentOptions(OAuthOptions):
    """Options of an account of Tencent Ads."""

    open_app_id: str = Field("", description="app id within which openids are unique; needed where they are sent")
    expand_user_count: int | None = Field(
        None, ge=EXPAND_STEP, le=MOST_EXPANDED, multiple_of=EXPAND_STEP,
        description="members of a lookalike that is made of every audience, a multiple of 500,000; none if not given",
    )  # fmt: skip
    revenue_field: str = Field("", description="field of the daily report with attributed sales in 分, if one fits")


class Tencent(OnlinePlatform):
    """Tencent Ads: zip files of phones, ids of WeChat and device ids that are appended and reduced."""

    name = "tencent"
    url = "https://api.e.qq.com/v3.0"
    renewal, codes = RENEWAL, CODES
    forms: ClassVar[Mapping[str, IdFormat]] = {
        "phone": IdFormat("national_cn", "sha256"),
        "unionid": IdFormat("as_given", "none"),
        "openid": IdFormat("as_given", "none"),
        "device:idfa": IdFormat("upper", "md5"),
        "device:oaid": IdFormat("as_given", "md5"),
        "device:imei": IdFormat("lower", "md5"),
        "device:caid": IdFormat("as_given", "none"),
    }
    limits, forbids = ApiLimits(batch=LINES, least=LEAST["v1.1"]), SENSITIVE_BY_LAW_OF_CHINA
    options = TencentOptions

    @classmethod
    def sign(cls, call: Request, token: str) -> Request:
        """Add the parameters of every call, anew at each attempt: a nonce is used once, a time ends after 300 s."""
        own: dict[str, str | int] = {"access_token": token, "timestamp": int(time.time()), "nonce": uuid.uuid4().hex}
        call.url = call.url.copy_merge_params(own)
        return call

    def open_audience(self, code: str, description: str) -> str:
        """Create the audience by our code, which the platform keeps: a second call returns the same id."""
        return self._create(code, description, {"type": "CUSTOMER_FILE"})

    def add(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Upload a file that is appended."""
        return self._upload(audience_id, batch, "APPEND")

    def remove(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Upload a file that is taken off."""
        return self._upload(audience_id, batch, "REDUCE")

    def poll(self, audience_id: str, handle: str) -> BatchReceipt:
        """Ask for a file: how many of its lines were valid."""
        files = self._list("custom_audience_files/get", audience_id=audience_id, custom_audience_file_id=handle)
        if not files:
            return BatchReceipt(handle, "failed", words="the platform does not know the file: it is sent again")
        [file] = files
        if file["process_status"] in READING:
            return BatchReceipt(handle, "pending")
        if file["process_status"] != "SUCCESS" or file["process_code"]:
            return BatchReceipt(handle, "failed", words=f"the file was refused with code {file['process_code']}")
        return BatchReceipt(handle, invalid=file["line_count"] - file["valid_line_count"])

    def status(self, audience_id: str) -> StatusAnswer:
        """Ask for an audience; once it is usable and the account wants lookalikes, one is made of it."""
        audiences = self._list("custom_audiences/get", audience_id=audience_id)
        if not audiences:
            words = "the audience is gone: somebody deleted it on the platform"
            return StatusAnswer(state="failed", words=words, gone=True)
        [audience] = audiences
        covered = int(audience.get("user_count", 0))
        if audience["status"] in READING:
            return StatusAnswer(state="parsing")
        if audience["status"] == "FROZEN":
            return StatusAnswer(state="failed", words="frozen: thaw it on the platform's page", matched=covered)
        if audience["status"] != "SUCCESS":
            code = audience.get("error_code", 1)
            return StatusAnswer(state="failed", words=AUDIENCE_CODES.get(code, f"error {code}"), matched=covered)
        if audience.get("online_status", "ONLINE") != "ONLINE":
            offline = audience["online_status"] == "OFFLINE"
            words = (
                "taken offline for not being used: it returns when its members change" if offline else "being loaded"
            )
            return StatusAnswer(state="published", words=words, matched=covered)
        return StatusAnswer(state="usable", words=self._expand(audience_id, covered), matched=covered, usable=covered)

    def results(self, first: date, last: date) -> Iterator[CampaignDay]:
        """Results by day and ad group (广告), whose reports count impressions, clicks, cost in 分 and conversions."""
        while first <= last:
            until = min(last, first + timedelta(days=REPORT_DAYS - 1))
            for row in self._list("daily_reports/get", **self._report(first, until)):
                yield self._campaign_day(row)
            first = until + timedelta(days=1)

    def _create(self, code: str, description: str, kind: Mapping[str, Any]) -> str:
        body = {
            "account_id": account_number(self.account), "name": fitted(code, LONGEST_NAME, LETTERS),
            "outer_audience_id": fitted(code, LONGEST_CODE, LETTERS),
            "description": description.encode()[:LONGEST_DESCRIPTION].decode(errors="ignore"), **kind,
        }  # fmt: skip
        return str(self._call("POST", "custom_audiences/add", json=body)["audience_id"])

    def _upload(self, audience_id: str, batch: Batch, operation: str) -> BatchReceipt:
        form = {
            "account_id": self.account.account, "audience_id": audience_id, "operation_type": operation,
            "user_id_type": ID_TYPES[batch.identifier],
        }  # fmt: skip
        if batch.identifier == "openid":
            form["open_app_id"] = self._app_id()
        data = zipped("ids.txt", joined(batch.values))
        if len(data) > MOST_BYTES:
            raise RejectedError(f"{self.name}: a zip of {len(data):,} bytes is too large")
        answer = self._call(
            "POST", "custom_audience_files/add", data=form, files={"file": ("ids.zip", data, "application/zip")}
        )
        return BatchReceipt(str(answer["custom_audience_file_id"]), "pending")

    def _app_id(self) -> str:
        if not self.settings.open_app_id:
            raise RejectedError(f"{self.name}: openids need `open_app_id` in the options of the account")
        return str(self.settings.open_app_id)

    def _expand(self, audience_id: str, covered: int) -> str:
        """Make the lookalike that the account asks for, once; say what became of it."""
        count = self.settings.expand_user_count
        if count is None:
            return ""
        least = LEAST["v1.1"] if self.account.least is None else self.account.least
        if not least <= covered <= MOST_SEED:
            return f"no lookalike: a seed has from {least:,} to {MOST_SEED:,} members"
        spec = {"lookalike_spec": {"seed_audience_id": int(audience_id), "expand_user_count": count}}
        made_of = f"lookalike_{audience_id}_{count}"
        return f"lookalike {self._create(made_of, '', {'type': 'LOOKALIKE', 'audience_spec': spec})}"

    def _report(self, first: date, last: date) -> dict[str, str]:
        fields = ["date", "adgroup_id", "view_count", "valid_click_count", "cost", "conversions_count"]
        days = {"start_date": first.isoformat(), "end_date": last.isoformat()}
        return {
            "level": "REPORT_LEVEL_ADGROUP", "date_range": json.dumps(days),
            "group_by": json.dumps(["date", "adgroup_id"]),
            "fields": json.dumps([*fields, *filter(None, [self.settings.revenue_field])]),
        }  # fmt: skip

    def _campaign_day(self, row: Mapping[str, Any]) -> CampaignDay:
        revenue = row.get(self.settings.revenue_field, 0)
        return CampaignDay(
            campaign=str(row["adgroup_id"]), day=date.fromisoformat(row["date"]), impressions=int(row["view_count"]),
            clicks=int(row["valid_click_count"]), cost=_yuan(row["cost"]), currency="CNY",
            conversions=Decimal(row["conversions_count"]), revenue=_yuan(revenue),
        )  # fmt: skip

    def _list(self, path: str, **params: str) -> list[Mapping[str, Any]]:
        """All rows of all pages."""
        rows: list[Mapping[str, Any]] = []
        page, pages = 1, 1
        while page <= pages:
            asked = {"account_id": self.account.account, **params, "page": page, "page_size": PAGE_SIZE}
            answer = self._call("GET", path, params=asked)
            rows += answer.get("list") or ()
            page, pages = page + 1, answer.get("page_info", {}).get("total_page", 1)
        return rows

    def _call(self, method: str, path: str, **request: Any) -> Any:
        return self.http.call(method, path, **request)["data"]


def _yuan(fen: Any) -> Decimal:
    return (Decimal(str(fen)) / 100).quantize(Decimal("0.01"))
