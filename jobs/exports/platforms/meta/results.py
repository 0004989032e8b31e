"""Campaign results by day, as Meta's insights report them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from jobs.exports.http import Http
from jobs.exports.platform import CampaignDay
from jobs.exports.platforms.meta.pages import rows_of


def campaign_days(http: Http, account: str, conversion: str, first: date, last: date) -> Iterator[CampaignDay]:
    """Campaigns of an account by day; conversions are the actions of the type `conversion`."""
    params = {
        "level": "campaign", "time_increment": "1", "limit": "500",
        "time_range": json.dumps({"since": first.isoformat(), "until": last.isoformat()}),
        "fields": "campaign_id,account_currency,impressions,clicks,spend,actions,action_values",
    }  # fmt: skip
    for row in rows_of(http, f"act_{account}/insights", params):
        yield CampaignDay(
            campaign=row["campaign_id"], day=date.fromisoformat(row["date_start"]),
            impressions=int(row.get("impressions", 0)), clicks=int(row.get("clicks", 0)),
            cost=Decimal(row.get("spend", "0")), currency=row["account_currency"],
            conversions=_total(row.get("actions", ()), conversion),
            revenue=_total(row.get("action_values", ()), conversion),
        )  # fmt: skip


def _total(actions: Sequence[Mapping[str, Any]], wanted: str) -> Decimal:
    return sum((Decimal(action["value"]) for action in actions if action["action_type"] == wanted), Decimal(0))
