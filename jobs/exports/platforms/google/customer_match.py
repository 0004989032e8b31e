"""Customer Match by the Data Manager API: members are handed over, and what became of them is asked for later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from jobs.exports.hashing import IdFormat
from jobs.exports.http import Http
from jobs.exports.platform import Batch, BatchReceipt, CampaignDay, Conversion, OnlinePlatform, StatusAnswer
from jobs.exports.platforms.google import data
from jobs.exports.platforms.google.conversions import events_of
from jobs.exports.platforms.google.options import GoogleOptions
from jobs.exports.platforms.google.request_status import handle_of, receipt_of
from jobs.exports.platforms.google.results import campaign_days
from jobs.exports.platforms.google.user_lists import UserLists, status_of
from quanyu.errors import ConfigError, QuanyuError
from quanyu.grammar.platforms.account import Account


class Google(OnlinePlatform):
    """Customer Match lists by hashed e-mails and phones and, in lists of their own, by clear advertising ids.

    An audience is up to three lists, its id names them: `contact:11,ios:12,android:13`.
    """

    name = "google"
    url, limits, forms, forbids, codes = data.URL, data.LIMITS, data.FORMS, data.FORBIDS, data.CODES
    options, renewal = GoogleOptions, data.RENEWAL
    passing_reasons, wrong_values = data.PASSING_REASONS, data.WRONG_VALUES

    def __init__(self, account: Account, http: Http) -> None:
        super().__init__(account, http)
        apps = {"contact": "contact", "ios": self.settings.ios_app, "android": self.settings.android_app}
        wanted = dict.fromkeys(data.GROUPS[kind] for kind in account.send if kind in data.GROUPS)
        if missing := [group for group in wanted if not apps[group]]:
            raise ConfigError(f"conf/platforms/{account.name}.yml: options: {missing[0]}_app is needed for its ids")
        sent = {group: app for group, app in apps.items() if app and (group in wanted or not wanted)}
        self._lists = UserLists(http, account.account, self.settings.login_account, sent)

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
        reasons = [str(detail["reason"]) for detail in details if data.NAME.fullmatch(str(detail.get("reason", "")))]
        return cls.codes.error(cls.name, state, " ".join(reasons))

    def open_audience(self, code: str, description: str) -> str:
        """Find or create the lists of what is sent, and find those of what was: members may have to leave them."""
        return self._lists.open(code, description)

    @classmethod
    def forms_of(cls, account: Account) -> Mapping[str, IdFormat]:
        """Mobile ids only of an app that the account names."""
        lacking = {group for group in ("ios", "android") if not account.options.get(f"{group}_app")}
        return {name: form for name, form in cls.forms.items() if data.GROUPS[name] not in lacking}

    def add(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Hand a batch over, with consent and terms; what became of it is asked for later."""
        members = self._members(audience_id, batch)
        if members is None:
            return BatchReceipt("no list", "failed", words=f"{batch.identifier} needs an app in the account's options")
        content = {**members, "consent": data.GRANTED, "termsOfService": data.ACCEPTED}
        return self._hand_over("audienceMembers:ingest", content)

    def remove(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Hand over a batch of those who leave; what became of it is asked for later."""
        members = self._members(audience_id, batch)
        return BatchReceipt("no list") if members is None else self._hand_over("audienceMembers:remove", members)

    def _members(self, audience_id: str, batch: Batch) -> dict[str, Any] | None:
        group = data.GROUPS[batch.identifier]
        lists = dict(entry.split(":") for entry in audience_id.split(","))
        if group not in lists:
            return None
        values, field = batch.values.to_pylist(), data.FIELDS.get(batch.identifier)
        members = [
            {"userData": {"userIdentifiers": [{field: value}]}} if field else {"mobileData": {"mobileIds": [value]}}
            for value in values
        ]
        return {"destinations": [self._destination(lists[group])], "audienceMembers": members, "encoding": "HEX"}

    def _destination(self, product: str) -> dict[str, Any]:
        account = {"accountType": "GOOGLE_ADS", "accountId": self.account.account}
        manager = self.settings.login_account
        login = {"loginAccount": {**account, "accountId": manager}} if manager else {}
        return {"operatingAccount": account, **login, "productDestinationId": product}

    def _hand_over(self, path: str, content: Mapping[str, Any]) -> BatchReceipt:
        return BatchReceipt(str(self.http.call("POST", path, json=content)["requestId"]), "pending")

    def poll(self, audience_id: str, handle: str) -> BatchReceipt:
        """Ask for the state of all requests of a handle."""
        return receipt_of(self.http, handle)

    def status(self, audience_id: str) -> StatusAnswer:
        """Size of the lists together, and the match rate of the list of contacts."""
        return status_of(self._lists.of(audience_id))

    def results(self, first: date, last: date) -> Iterator[CampaignDay]:
        """Campaigns by day from Google Ads."""
        if not self.settings.developer_token:
            raise ConfigError(f"conf/platforms/{self.account.name}.yml: options: developer_token is needed for results")
        ads = self.door(self.account, self.settings.ads_url)
        yield from campaign_days(ads, self.account.account, self.settings, first, last)

    def convert(self, conversions: Sequence[Conversion]) -> BatchReceipt:
        """Hand purchases over as events; Google takes an event of the same transaction once."""
        if not self.settings.conversion_action:
            raise ConfigError(f"conf/platforms/{self.account.name}.yml: options: conversion_action is needed")
        events, left_out = events_of(conversions, self.settings.event_source)
        destinations = [self._destination(self.settings.conversion_action)]
        content = {"destinations": destinations, "consent": data.GRANTED, "encoding": "HEX"}
        handles = [
            self._hand_over("events:ingest", {**content, "events": events[start : start + data.EVENTS]}).handle
            for start in range(0, len(events), data.EVENTS)
        ]
        return BatchReceipt(handle_of(handles, left_out), "pending" if events else "done", left_out)
