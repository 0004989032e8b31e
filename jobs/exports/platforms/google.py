"""Google: Customer Match by the Data Manager API, campaign results of Google Ads, and own conversions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import Field

from jobs.exports.hashing import IdFormat
from jobs.exports.http import ErrorCodes, Http
from jobs.exports.platform import ApiLimits, Batch, BatchReceipt, CampaignDay, Conversion, OnlinePlatform, StatusAnswer
from jobs.exports.tokens import OAuthOptions, Renewal
from quanyu.config.sections import SecretRef, Url
from quanyu.config.settings import secret
from quanyu.errors import ConfigError, QuanyuError, RetryableError
from quanyu.grammar.platforms.account import Account
from quanyu.grammar.platforms.categories import Category

# developers.google.com/data-manager/api: limits, devguides/concepts/formatting, reference/rest/v1, and its discovery
# document of 2026-11-06. Google gives two least sizes, 1,000 and 100: the larger one is kept. Members leave a list by
# themselves after 540 days.
LIMITS, EVENTS = ApiLimits(batch=10_000, least=1_000, lifetime=timedelta(days=540), calls_per_minute=300), 2_000
# support.google.com/adspolicy/answer/143465, sensitive interest categories: no list of an advertiser's own may use any.
FORBIDS: tuple[Category, ...] = (
    "health", "hardship", "crime", "sexual_orientation", "gender_identity", "politics", "trade_union", "ethnicity",
    "religion", "minors",
)  # fmt: skip
ADS_URL = "https://googleads.googleapis.com/v26"
# developers.google.com/identity/protocols/oauth2: a token of an hour for a refresh token, which stays; earlier tokens
# stay valid, so each process gets its own.
RENEWAL = Renewal(url="https://oauth2.googleapis.com", path="token")
# A list takes one type of key for ever, and mobile ids of one system: each group of identifiers has its own list.
KEY_TYPES = {"contact": "CONTACT_ID", "ios": "MOBILE_ID", "android": "MOBILE_ID"}
GROUPS = {"email": "contact", "phone": "contact", "device:idfa": "ios", "device:gaid": "android"}
FIELDS = {"email": "emailAddress", "phone": "phoneNumber"}
GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
ACCEPTED = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
State = Literal["done", "pending", "failed"]  # requestStatus: REST says FAILED, the guides FAILURE.
STATES: Mapping[str, State] = {
    "PROCESSING": "pending", "REQUEST_STATUS_UNKNOWN": "pending", "SUCCESS": "done", "PARTIAL_SUCCESS": "done",
    "FAILED": "failed", "FAILURE": "failed",
}  # fmt: skip
WORST: Sequence[State] = ("pending", "failed", "done")
PREFIX, REPEATED = "PROCESSING_ERROR_REASON_", "DUPLICATE_TRANSACTION_ID"  # It has such an event: as was wanted.
# google.rpc.Code; of a quota, whether it is the day's.
CODES = ErrorCodes(
    soon={
        "RESOURCE_EXHAUSTED": "too many calls",
        **dict.fromkeys(("UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "ABORTED", "UNKNOWN"), "failed for a moment"),
    },
    later={"PerDay": "too many calls in a day"},
    gone={"NOT_FOUND": "the list or the request is gone"},
    act={
        "UNAUTHENTICATED": "give the account a valid token of the scope datamanager",
        "PERMISSION_DENIED": "let the token's user manage the account, and enable the Data Manager API",
        "FAILED_PRECONDITION": "accept the terms of Customer Match in Google Ads",
    },
    document="Google's documents",
)
NAME = re.compile(r"[A-Z][A-Z_]{2,80}")
QUERY = (
    "SELECT campaign.id, segments.date, customer.currency_code, metrics.impressions, metrics.clicks,"
    " metrics.cost_micros, metrics.conversions, metrics.conversions_value FROM campaign"
    " WHERE segments.date BETWEEN '{first}' AND '{last}'"
)


class GoogleOptions(OAuthOptions):
    """What an account on Google needs besides."""

    login_account: str = Field("", description="number of the manager account by which the token reaches the account")
    ios_app: str = Field("", description="id of the app whose IDFAs are sent")
    android_app: str = Field("", description="id of the app whose advertising ids are sent")
    developer_token: SecretRef = Field("", description="reference to the developer token, for campaign results")
    conversion_action: str = Field("", description="id of the conversion action that receives own conversions")
    event_source: Literal["IN_STORE", "WEB", "APP", "PHONE", "OTHER"] = Field(
        "IN_STORE", description="where the conversions happened"
    )
    ads_url: Url = Field(ADS_URL, description="address of the Google Ads API")


class Google(OnlinePlatform):
    """Customer Match lists by hashed e-mails and phones and, in lists of their own, by clear advertising ids.

    An audience is up to three lists, its id names them: `contact:11,ios:12,android:13`.
    """

    name = "google"
    url = "https://datamanager.googleapis.com/v1"
    limits, forbids, codes = LIMITS, FORBIDS, CODES
    options = GoogleOptions
    renewal = RENEWAL
    passing_reasons = frozenset({"INTERNAL_ERROR", "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"})
    wrong_values = frozenset({"INVALID_FORMAT"})
    forms: ClassVar[Mapping[str, IdFormat]] = {
        "email": IdFormat("email_google"), "phone": IdFormat("e164"),
        "device:idfa": IdFormat("upper", "none"), "device:gaid": IdFormat("lower", "none"),
    }  # fmt: skip

    def __init__(self, account: Account, http: Http) -> None:
        super().__init__(account, http)
        apps = {"contact": "contact", "ios": self.settings.ios_app, "android": self.settings.android_app}
        wanted = dict.fromkeys(GROUPS[kind] for kind in account.send if kind in GROUPS)
        if missing := [group for group in wanted if not apps[group]]:
            raise ConfigError(f"conf/platforms/{account.name}.yml: options: {missing[0]}_app is needed for its ids")
        self._apps = {group: app for group, app in apps.items() if app and (group in wanted or not wanted)}
        self._account = f"accountTypes/GOOGLE_ADS/accounts/{account.account}"
        login = self.settings.login_account
        self._login = {"login-account": f"accountTypes/GOOGLE_ADS/accounts/{login}"} if login else {}

    @classmethod
    def check(cls, status: int, body: Any) -> QuanyuError | None:
        """Read `error.status` and the reason in its details; streams wrap them in a list."""
        content = body[0] if isinstance(body, list) and body else body
        error = content.get("error") if isinstance(content, dict) else None
        if not isinstance(error, dict):
            return None
        state, details = str(error.get("status", "")) or str(status), error.get("details", ())
        limits = [str(detail.get("metadata", {}).get("quota_limit", "")) for detail in details]
        if state == "RESOURCE_EXHAUSTED" and any("PerDay" in limit for limit in limits):
            return cls.codes.error(cls.name, "PerDay")
        reasons = [str(detail["reason"]) for detail in details if NAME.fullmatch(str(detail.get("reason", "")))]
        return cls.codes.error(cls.name, state, " ".join(reasons))

    def open_audience(self, code: str, description: str) -> str:
        """Find or create the lists of what is sent, and find those of what was: members may have to leave them."""
        names = {group: code if group == "contact" else f"{code} {group}" for group in KEY_TYPES}
        known = {row["displayName"]: str(row["id"]) for row in self._lists()}
        wanted = [group for group in names if group in self._apps or names[group] in known]
        lists = {group: known.get(names[group]) or self._create(group, names[group], description) for group in wanted}
        return ",".join(f"{group}:{list_id}" for group, list_id in lists.items())

    def _create(self, group: str, name: str, description: str) -> str:
        info: dict[str, Any] = {"uploadKeyTypes": [KEY_TYPES[group]]}
        if group != "contact":
            info["mobileIdInfo"] = {"appId": self._apps[group], "keySpace": group.upper()}
        content = {"displayName": name, "description": description, "ingestedUserListInfo": info}
        path = f"{self._account}/userLists"
        try:
            # A second attempt could create a second list.
            answer = self.http.call("POST", path, json=content, headers=self._login, attempts=1)
        except RetryableError:
            known = next((str(row["id"]) for row in self._lists() if row["displayName"] == name), None)
            if known is None:
                raise
            return known
        return str(answer["id"])

    def _lists(self) -> Iterator[Mapping[str, Any]]:
        token: str | None = ""
        while token is not None:
            params = {"pageSize": "1000", "pageToken": token}
            answer = self.http.call("GET", f"{self._account}/userLists", params=params, headers=self._login)
            yield from answer.get("userLists", ())
            token = answer.get("nextPageToken") or None

    @classmethod
    def forms_of(cls, account: Account) -> Mapping[str, IdFormat]:
        """Mobile ids only of an app that the account names."""
        lacking = {group for group in ("ios", "android") if not account.options.get(f"{group}_app")}
        return {name: form for name, form in cls.forms.items() if GROUPS[name] not in lacking}

    def add(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Hand a batch over, with consent and terms; what became of it is asked for later."""
        members = self._members(audience_id, batch)
        if members is None:
            return BatchReceipt("no list", "failed", words=f"{batch.identifier} needs an app in the account's options")
        content = {**members, "consent": GRANTED, "termsOfService": ACCEPTED}
        return self._hand_over("audienceMembers:ingest", content)

    def remove(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Hand over a batch of those who leave; what became of it is asked for later."""
        members = self._members(audience_id, batch)
        return BatchReceipt("no list") if members is None else self._hand_over("audienceMembers:remove", members)

    def _members(self, audience_id: str, batch: Batch) -> dict[str, Any] | None:
        group = GROUPS[batch.identifier]
        lists = dict(entry.split(":") for entry in audience_id.split(","))
        if group not in lists:
            return None
        values, field = batch.values.to_pylist(), FIELDS.get(batch.identifier)
        members = [
            {"userData": {"userIdentifiers": [{field: value}]}} if field else {"mobileData": {"mobileIds": [value]}}
            for value in values
        ]
        return {"destinations": [self._destination(lists[group])], "audienceMembers": members, "encoding": "HEX"}

    def _destination(self, product: str) -> dict[str, Any]:
        account = {"accountType": "GOOGLE_ADS", "accountId": self.account.account}
        login = {"loginAccount": {**account, "accountId": self.settings.login_account}} if self._login else {}
        return {"operatingAccount": account, **login, "productDestinationId": product}

    def _hand_over(self, path: str, content: Mapping[str, Any]) -> BatchReceipt:
        return BatchReceipt(str(self.http.call("POST", path, json=content)["requestId"]), "pending")

    def poll(self, audience_id: str, handle: str) -> BatchReceipt:
        """Ask for the state of all requests of a handle; Google names failed records by position, or counts them."""
        requests, _, left_out = handle.partition(";")
        receipts = [self._state(request) for request in requests.split(",") if request]
        state = next((state for state in WORST if any(receipt.state == state for receipt in receipts)), WORST[-1])
        skipped = [int(place) for place in left_out.split(",") if place]
        reasons = dict.fromkeys(skipped, "NO_IDENTIFIER")
        for number, receipt in enumerate(receipts):
            reasons |= {_shifted(place + EVENTS * number, skipped): why for place, why in receipt.reasons.items()}
        words = "; ".join(dict.fromkeys(receipt.words for receipt in receipts if receipt.words))
        return BatchReceipt(
            handle, state, sorted(reasons), sum(receipt.invalid for receipt in receipts), words=words, reasons=reasons,
        )  # fmt: skip

    def _state(self, request: str) -> BatchReceipt:
        answer = self.http.call("GET", "requestStatus:retrieve", params={"requestId": request})
        destination: Mapping[str, Any] = next(iter(answer.get("requestStatusPerDestination", ())), {})
        errors = destination.get("errorInfo", {}).get("errorCounts", ())
        counts = [(count["reason"].removeprefix(PREFIX), count) for count in errors if REPEATED not in count["reason"]]
        reasons = {int(place): why for why, count in counts for place in count.get("recordIndices", ())}
        failed = sum(int(count.get("recordCount", 0)) for _, count in counts)
        words = ", ".join(why for why, _ in counts if NAME.fullmatch(why))
        state = STATES.get(destination.get("requestStatus", ""), "pending")
        state = "done" if state == "failed" and errors and not counts else state
        return BatchReceipt(request, state, [*reasons], max(0, failed - len(reasons)), words=words, reasons=reasons)

    def status(self, audience_id: str) -> StatusAnswer:
        """Size of the lists together, and the match rate of the list of contacts."""
        ids = [entry.split(":")[1] for entry in audience_id.split(",")]
        lists = [self.http.call("GET", f"{self._account}/userLists/{one}", headers=self._login) for one in ids]
        sizes = [max(map(int, row["sizeInfo"].values())) for row in lists if row.get("sizeInfo")]
        contacts = [row.get("ingestedUserListInfo", {}).get("contactIdInfo", {}) for row in lists]
        rate = next((row["matchRatePercentage"] / 100 for row in contacts if "matchRatePercentage" in row), None)
        matched = sum(sizes) if sizes else None
        if any({"CLOSED", "DISABLED"} & {row.get("membershipStatus"), row.get("accountAccessStatus")} for row in lists):
            return StatusAnswer(state="failed", words="open the list again in Google Ads", matched=matched)
        if matched is None:
            return StatusAnswer(state="parsing")
        if any(any(row.get("targetNetworkInfo", {}).values()) for row in lists):
            return StatusAnswer(state="usable", matched=matched, usable=matched, match_rate=rate)
        words = f"fewer than {LIMITS.least} of its members are known to Google"
        return StatusAnswer(state="published", words=words, matched=matched, usable=0, match_rate=rate)

    def results(self, first: date, last: date) -> Iterator[CampaignDay]:
        """Campaigns by day from Google Ads; cost comes in millionths."""
        if not self.settings.developer_token:
            raise ConfigError(f"conf/platforms/{self.account.name}.yml: options: developer_token is needed for results")
        headers = {"developer-token": secret(self.settings.developer_token)}
        if self.settings.login_account:
            headers["login-customer-id"] = self.settings.login_account
        ads = self.door(self.account, self.settings.ads_url)
        query = {"query": QUERY.format(first=first, last=last)}
        path = f"customers/{self.account.account}/googleAds:searchStream"
        for part in ads.call("POST", path, json=query, headers=headers):
            yield from (_campaign_day(row) for row in part.get("results", ()))

    def convert(self, conversions: Sequence[Conversion]) -> BatchReceipt:
        """Hand purchases over as events; Google takes an event of the same transaction once."""
        if not self.settings.conversion_action:
            raise ConfigError(f"conf/platforms/{self.account.name}.yml: options: conversion_action is needed")
        events = [self._event(conversion) for conversion in conversions]
        left_out = [place for place, event in enumerate(events) if not event["userData"]["userIdentifiers"]]
        sent = [event for event in events if event["userData"]["userIdentifiers"]]
        destinations = [self._destination(self.settings.conversion_action)]
        content = {"destinations": destinations, "consent": GRANTED, "encoding": "HEX"}
        handles = [
            self._hand_over("events:ingest", {**content, "events": sent[start : start + EVENTS]}).handle
            for start in range(0, len(sent), EVENTS)
        ]
        return BatchReceipt(
            f"{','.join(handles)};{','.join(map(str, left_out))}", "pending" if sent else "done", left_out
        )

    def _event(self, conversion: Conversion) -> dict[str, Any]:
        identifiers = [{FIELDS[kind]: text} for kind, text in conversion.identifiers.items() if kind in FIELDS]
        return {
            "transactionId": conversion.key,
            "eventTimestamp": conversion.happened_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": self.settings.event_source,
            "conversionValue": float(conversion.amount),
            "currency": conversion.currency,
            "userData": {"userIdentifiers": identifiers},
        }


def _shifted(place: int, skipped: Sequence[int]) -> int:
    """Position among those sent as a position among all."""
    for left_out in skipped:
        place += left_out <= place
    return place


def _campaign_day(row: Mapping[str, Any]) -> CampaignDay:
    metrics = row["metrics"]
    return CampaignDay(
        campaign=str(row["campaign"]["id"]), day=date.fromisoformat(row["segments"]["date"]),
        impressions=int(metrics.get("impressions", 0)), clicks=int(metrics.get("clicks", 0)),
        cost=Decimal(metrics.get("costMicros", 0)) / 1_000_000, currency=row["customer"]["currencyCode"],
        conversions=Decimal(str(metrics.get("conversions", 0))),
        revenue=Decimal(str(metrics.get("conversionsValue", 0))),
    )  # fmt: skip
