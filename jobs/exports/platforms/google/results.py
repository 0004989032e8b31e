"""Campaign results by day, as Google Ads reports them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from jobs.exports.http import Http
from jobs.exports.platform import CampaignDay
from jobs.exports.platforms.google.options import GoogleOptions
from quanyu.config.settings import secret

QUERY = (
    "SELECT campaign.id, segments.date, customer.currency_code, metrics.impressions, metrics.clicks,"
    " metrics.cost_micros, metrics.conversions, metrics.conversions_value FROM campaign"
    " WHERE segments.date BETWEEN '{first}' AND '{last}'"
)


def campaign_days(ads: Http, account: str, options: GoogleOptions, first: date, last: date) -> Iterator[CampaignDay]:
    """Campaigns of an account from the first to the last day; `ads` are calls of the Google Ads API."""
    headers = {"developer-token": secret(options.developer_token)}
    if options.login_account:
        headers["login-customer-id"] = options.login_account
    query = {"query": QUERY.format(first=first, last=last)}
    path = f"customers/{account}/googleAds:searchStream"
    for part in ads.call("POST", path, json=query, headers=headers):
        yield from (_campaign_day(row) for row in part.get("results", ()))


def _campaign_day(row: Mapping[str, Any]) -> CampaignDay:
    """A row of the answer; cost comes in millionths."""
    metrics = row["metrics"]
    return CampaignDay(
        campaign=str(row["campaign"]["id"]), day=date.fromisoformat(row["segments"]["date"]),
        impressions=int(metrics.get("impressions", 0)), clicks=int(metrics.get("clicks", 0)),
        cost=Decimal(metrics.get("costMicros", 0)) / 1_000_000, currency=row["customer"]["currencyCode"],
        conversions=Decimal(str(metrics.get("conversions", 0))),
        revenue=Decimal(str(metrics.get("conversionsValue", 0))),
    )  # fmt: skip
