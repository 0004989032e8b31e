"""Ocean Engine 巨量引擎: data sources from files of ids, their audiences published and pushed; custom reports.

Sources: the official Go SDK oceanengine/ad_open_sdk_go (paths, enums) and bububa/oceanengine, which repeats the texts
of open.oceanengine.com and has dmp.proto. Of the least size of an audience and of the calls per second nothing was
found. That `data_source/read/` lists all data sources when it is asked for none is not documented; it is only needed in
the hour before a new data source has an audience.

Lookalikes (扩展人群) have no interface: they are made by hand on the DMP page, of an audience that we send.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from jobs.exports.files.dmp_lines import dmp_lines
from jobs.exports.files.zips import zipped
from jobs.exports.hashing import IdFormat
from jobs.exports.http import ErrorCodes
from jobs.exports.names import account_number, fitted
from jobs.exports.platform import ApiLimits, Batch, BatchReceipt, CampaignDay, OnlinePlatform, StatusAnswer
from jobs.exports.tokens import OAuthOptions, Renewal
from quanyu.errors import LaterError, RejectedError
from quanyu.grammar.platforms.account import Account
from quanyu.grammar.platforms.categories import SENSITIVE_BY_LAW_OF_CHINA

if TYPE_CHECKING:
    from jobs.exports.http import Http

# DataType by our identifier (dmp.proto); IMEI=0, IDFA=1, UID=2 and OAID=7 would be clear. Ids are in lower case. That a
# phone is hashed by its 11 digits is general knowledge, not in the texts.
DATA_TYPES = {"phone": 6, "device:imei": 4, "device:idfa": 5, "device:oaid": 8}
# A zip has at most 50 MB: half a million ids are less before they are compressed. A line has at most 10,000 ids.
MOST_BYTES, IDS, IDS_PER_LINE = 50_000_000, 500_000, 10_000
LONGEST_NAME = 30
# Changes a day of a data source; of new ones an advertiser may create 100 a day.
CHANGES_A_DAY = 50
# operation_type; 3 would set a data source back to a file alone.
APPEND, DELETE = 1, 2
# Of a data source, and of each change of it: new, being read, in force, failed.
PARSED = 2
DONE, FAILED = 2, 3
# An audience is published at most once in 24 hours.
PUBLISH_EVERY = timedelta(hours=24)
# Without use for six months an audience ends (status 26) and must be built anew.
LIFETIME, ENDED = timedelta(days=182), 26
AVAILABLE, NEED_PUSH, NEED_PUBLISH, UNAVAILABLE = (
    f"CUSTOM_AUDIENCE_DELIVERY_STATUS_{name}" for name in ("AVAILABLE", "NEED_PUSH", "NEED_PUBLISH", "UNAVAILABLE")
)
CHINA = timezone(timedelta(hours=8))
# A report spans at most 30 days; its texts are in maps.
REPORT_DAYS, PAGE_SIZE = 30, 1_000
# Audiences on a page, data sources in one question.
LISTED, READ_AT_ONCE = 100, 400
METRICS = {"show_cnt": "impressions", "click_cnt": "clicks", "stat_cost": "cost", "convert_cnt": "conversions"}
CODES = ErrorCodes(
    soon={40100: "too many calls", 50000: "an error of the platform"},
    token={40102: "the token has ended", 40103: "the token has ended", 40104: "no token", 40105: "a wrong token",
           40002: "the token may not do this"},
)  # fmt: skip
# Both SDKs, oauth2/refresh_token: tokens of a day, refresh tokens of 30 days. A renewal gives a new refresh token and
# ends the old one; whether it ends the token before as well is not said, so all processes share one.
URL = "https://api.oceanengine.com/open_api"
RENEWAL = Renewal(
    url=URL, path="oauth2/refresh_token/", sends="json", app=("app_id", "secret"), within="data", shared=True
)
NO_LOOKALIKE = "lookalikes (扩展人群) have no interface: make one on the DMP page"


class OceanEngineOptions(OAuthOptions):
    """Options of an account of Ocean Engine."""

    target_advertiser_ids: tuple[int, ...] = Field(
        (), description="advertisers of the same legal entity that get the audiences, at most 100; the account if none",
        max_length=100,
    )  # fmt: skip
    campaign_dimension: str = Field("cdp_project_id", description="dimension of the report that is a campaign")
    revenue_metric: str = Field("", description="metric of the report with attributed sales in yuan, if one fits")


class OceanEngine(OnlinePlatform):
    """Ocean Engine: a data source per audience, whose changes are read, then published and pushed to advertisers."""

    name = "ocean_engine"
    url = URL
    renewal, codes, token_header = RENEWAL, CODES, ("Access-Token", "{}")
    forms: ClassVar[Mapping[str, IdFormat]] = {
        "phone": IdFormat("national_cn", "sha256"),
        "device:imei": IdFormat("lower", "md5"),
        "device:idfa": IdFormat("lower", "md5"),
        "device:oaid": IdFormat("lower", "md5"),
    }
    limits, forbids = ApiLimits(batch=IDS, lifetime=LIFETIME), SENSITIVE_BY_LAW_OF_CHINA
    options = OceanEngineOptions

    def __init__(self, account: Account, http: Http) -> None:
        super().__init__(account, http)
        self._ids: dict[str, str] = {}

    def open_audience(self, code: str, description: str) -> str:
        """The name of its data source, which is created with the first file."""
        return fitted(code, LONGEST_NAME)

    def add(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Append a file; the first creates the data source."""
        return self._change(audience_id, APPEND, self._upload(batch))

    def remove(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Take the ids of a file off."""
        if self._source(audience_id) is None:
            return BatchReceipt("", words="nothing was ever sent")
        return self._change(audience_id, DELETE, self._upload(batch))

    def poll(self, audience_id: str, handle: str) -> BatchReceipt:
        """Ask whether the change with a file is in force."""
        source = self._source(audience_id)
        changes = [change for change in (source or {}).get("change_logs", ()) if handle in change.get("file_paths", ())]
        if source is None:
            return BatchReceipt(handle, "pending")
        if not changes:
            return BatchReceipt(handle, "failed", words="the platform does not know the file: it is sent again")
        if int(changes[0]["status"]) == FAILED:
            return BatchReceipt(handle, "failed", words="the platform could not read the file: it is sent again")
        return BatchReceipt(handle, "done" if int(changes[0]["status"]) == DONE else "pending")

    def publish(self, audience_id: str) -> None:
        """Publish changes that are in force, once in 24 hours, and push the audience where it is not yet."""
        source = self._source(audience_id)
        audience = (source or {}).get("default_audience")
        if source is None or audience is None:
            return
        state = audience["delivery_status"]
        if (state in (NEED_PUBLISH, UNAVAILABLE) or _unpublished(source)) and _next_publish(source) is None:
            self._call("POST", "2/dmp/custom_audience/publish/", json=self._of(audience))
        if state in (NEED_PUSH, UNAVAILABLE):
            own = [account_number(self.account)]
            targets = list(self.settings.target_advertiser_ids) or own
            body = {**self._of(audience), "target_advertiser_ids": targets}
            self._call("POST", "2/dmp/custom_audience/push_v2/", json=body)

    def status(self, audience_id: str) -> StatusAnswer:
        """Ask for an audience, and take the step that it waits for; campaigns see it once it is available."""
        self.publish(audience_id)
        source = self._source(audience_id)
        audience = (source or {}).get("default_audience")
        if source is None:
            return StatusAnswer(state="parsing", words="nothing was sent yet", gone=True)
        if int(source["status"]) != PARSED or audience is None:
            return StatusAnswer(state="parsing", words="new data sources are read for 20 to 60 minutes")
        covered, uploaded = int(audience["cover_num"]), int(audience["upload_num"])
        numbers: dict[str, Any] = {
            "matched": covered, "match_rate": min(1.0, covered / uploaded) if uploaded else None,
            "expires_on": date.fromisoformat(audience["expire_date"][:10]) if audience.get("expire_date") else None,
        }  # fmt: skip
        if int(audience["status"]) == ENDED:
            return StatusAnswer(state="failed", words="ended after six months without use: send it anew", **numbers)
        usable = audience["delivery_status"] == AVAILABLE
        words = [_waits(source), NO_LOOKALIKE if usable else f"not yet available: {audience['delivery_status']}"]
        state = "usable" if usable else "published"
        numbers["usable"] = covered if usable else None
        return StatusAnswer(state=state, words="; ".join(filter(None, words)), **numbers)  # type: ignore[arg-type]

    def results(self, first: date, last: date) -> Iterator[CampaignDay]:
        """Results by day and project (or the dimension of the account)."""
        while first <= last:
            until = min(last, first + timedelta(days=REPORT_DAYS - 1))
            page, pages = 1, 1
            while page <= pages:
                answer = self._call("GET", "v3.0/report/custom/get/", params=self._report(first, until, page))
                yield from (self._campaign_day(row["dimensions"], row["metrics"]) for row in answer.get("rows") or ())
                page, pages = page + 1, int(answer["page_info"]["total_page"])
            first = until + timedelta(days=1)

    def _upload(self, batch: Batch) -> str:
        """Upload a file; its path there, which ends after 14 days."""
        lines = dmp_lines(batch.values, DATA_TYPES[batch.identifier], IDS_PER_LINE)
        data = zipped("ids.txt", b"".join(lines))
        if len(data) > MOST_BYTES:
            raise RejectedError(f"{self.name}: a zip of {len(data):,} bytes is too large")
        # It only says whether the file came whole.
        signature = hashlib.md5(data, usedforsecurity=False).hexdigest()
        form = {"advertiser_id": self.account.account, "file_signature": signature}
        files = {"file": ("ids.zip", data, "application/zip")}
        return str(self._call("POST", "2/dmp/data_source/file/upload/", data=form, files=files)["file_path"])

    def _change(self, name: str, operation: int, path: str) -> BatchReceipt:
        """Change the data source, or create it; the receipt is pending until the change is in force."""
        source = self._source(name)
        body = {"data_format": 0, "file_storage_type": 0, "file_paths": [path]}
        if source is None:
            # Asked for once: a second data source of the name would keep its members for ever.
            named = {"data_source_name": name, "data_source_type": "UID", "description": name}
            created = self._call("POST", "2/dmp/data_source/create/", attempts=1, json=self._own({**body, **named}))
            self._ids[name] = created["data_source_id"]
        else:
            if _changes_today(source) >= CHANGES_A_DAY:
                raise LaterError(f"{self.name}: {CHANGES_A_DAY} changes of an audience a day: the rest goes tomorrow")
            changed = {"data_source_id": source["data_source_id"], "operation_type": operation}
            self._call("POST", "2/dmp/data_source/update/", json=self._own({**body, **changed}))
        return BatchReceipt(path, "pending")

    def _source(self, name: str) -> Mapping[str, Any] | None:
        """The data source of a name with its changes and its audience; None if there is none."""
        if name not in self._ids:
            ids = [str(audience["data_source_id"]) for audience in self._audiences() if audience.get("data_source_id")]
            for n in range(0, len(ids), READ_AT_ONCE):
                self._learn(ids[n : n + READ_AT_ONCE])
        if name not in self._ids:
            # One that has no audience yet is in no list of audiences.
            with contextlib.suppress(RejectedError):
                self._learn([])
        return next(iter(self._read([self._ids[name]])), None) if name in self._ids else None

    def _learn(self, ids: list[str]) -> None:
        self._ids |= {source["name"]: source["data_source_id"] for source in self._read(ids)}

    def _read(self, ids: list[str]) -> list[Mapping[str, Any]]:
        listed = {"data_source_id_list": json.dumps(ids)} if ids else {}
        params = {"advertiser_id": self.account.account, **listed}
        return self._call("GET", "2/dmp/data_source/read/", params=params).get("data_list") or []

    def _audiences(self) -> Iterator[Mapping[str, Any]]:
        """All audiences of the account that are not deleted."""
        offset, total = 0, 1
        while offset < total:
            asked = {"advertiser_id": self.account.account, "select_type": 0, "offset": offset, "limit": LISTED}
            answer = self._call("GET", "2/dmp/custom_audience/select/", params=asked)
            listed = answer.get("custom_audience_list") or ()
            yield from (audience for audience in listed if not audience.get("isdel"))
            offset, total = offset + LISTED, answer.get("total_num", 0)

    def _report(self, first: date, last: date, page: int) -> dict[str, Any]:
        metrics = [*METRICS, *filter(None, [self.settings.revenue_metric])]
        return {
            "advertiser_id": self.account.account, "metrics": json.dumps(metrics), "order_by": "[]", "filters": "[]",
            "dimensions": json.dumps(["stat_time_day", self.settings.campaign_dimension]),
            "start_time": first.isoformat(), "end_time": last.isoformat(), "page": page, "page_size": PAGE_SIZE,
        }  # fmt: skip

    def _campaign_day(self, dimensions: Mapping[str, str], metrics: Mapping[str, str]) -> CampaignDay:
        return CampaignDay(
            campaign=dimensions[self.settings.campaign_dimension], currency="CNY",
            day=date.fromisoformat(dimensions["stat_time_day"][:10]), impressions=int(metrics["show_cnt"]),
            clicks=int(metrics["click_cnt"]), conversions=Decimal(metrics["convert_cnt"]),
            cost=_money(metrics["stat_cost"]), revenue=_money(metrics.get(self.settings.revenue_metric, "0")),
        )  # fmt: skip

    def _of(self, audience: Mapping[str, Any]) -> dict[str, Any]:
        return self._own({"custom_audience_id": audience["custom_audience_id"]})

    def _own(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {"advertiser_id": account_number(self.account), **body}

    def _call(self, method: str, path: str, **request: Any) -> Any:
        return self.http.call(method, path, **request)["data"]


def _changes_today(source: Mapping[str, Any]) -> int:
    today = f"{datetime.now(CHINA):%Y-%m-%d}"
    return sum(str(change.get("create_time", "")).startswith(today) for change in source.get("change_logs", ()))


def _unpublished(source: Mapping[str, Any]) -> bool:
    """Whether a change is in force that campaigns do not see."""
    changes = source.get("change_logs", ())
    return any(int(change["status"]) == DONE and not change.get("publish_time") for change in changes)


def _next_publish(source: Mapping[str, Any]) -> datetime | None:
    """When the audience may be published again; None if it may be now."""
    if not source.get("latest_published_time"):
        return None
    last = datetime.fromisoformat(source["latest_published_time"]).replace(tzinfo=CHINA)
    return last + PUBLISH_EVERY if datetime.now(CHINA) < last + PUBLISH_EVERY else None


def _waits(source: Mapping[str, Any]) -> str:
    until = _next_publish(source)
    if not _unpublished(source) or until is None:
        return ""
    return f"its last changes are published from {until:%Y-%m-%d %H:%M} on (once in 24 hours)"


def _money(text: str) -> Decimal:
    return Decimal(text or "0").quantize(Decimal("0.01"))
