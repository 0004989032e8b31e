"""Campaigns that offers are declared for, as they are announced on a day, and the stock of what they give away."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from quanyu.errors import ConfigError, Problem
from quanyu.grammar.offers.offer import CampaignOffers
from quanyu.literals import quoted
from quanyu.model.supply import Stock
from quanyu.model.touch import Campaigns
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context


@dataclass(frozen=True)
class AnnouncedCampaign:
    """A campaign as it was known on a day: where it is sent, its first day if it has one, and its arms by name."""

    channel: str | None
    starts_on: date | None
    arms: tuple[str, ...]


def announced(context: Context, campaigns: Iterable[str]) -> dict[str, AnnouncedCampaign]:
    """Those of the campaigns that are known on the day, by key; of several feeds the first by name counts."""
    listed = ", ".join(quoted(campaign) for campaign in campaigns)
    rows = as_of.facts(context, Campaigns, context.day).where(f"campaign in ({listed})")
    columns = rows.select("campaign", "channel", "starts_on", "arms", "source").collect()
    newest_last = sorted(columns, key=lambda row: str(row["source"]), reverse=True)
    return {
        row["campaign"]: AnnouncedCampaign(row["channel"], row["starts_on"], arms_in(row["arms"] or ""))
        for row in newest_last
    }


def arms_in(text: str) -> tuple[str, ...]:
    """Names of arms in a text such as `treatment:0.5;control:0.5`: shares are left out."""
    parts = re.split(r"[;,|]", text)
    return tuple(name for part in parts if (name := part.partition(":")[0].strip()))


def check_arms(offers: CampaignOffers, campaign: AnnouncedCampaign) -> None:
    """Compare offers with a campaign. Raises ConfigError for arms that it has not, and where it names none at all."""
    if not campaign.arms:
        raise ConfigError(Problem(offers.file, "campaign", f"{offers.campaign} does not say which arms it has"))
    offers.check_arms(list(campaign.arms))


def stock_of(context: Context, offers: CampaignOffers) -> dict[str, float]:
    """Pieces on hand of each item that is offered, in all places together, as known on the day."""
    items = sorted({offer.sku for offer in offers.offers.values() if offer.sku})
    if not items:
        return {}
    rows = as_of.facts(context, Stock, context.day).where(f"sku in ({', '.join(map(quoted, items))})")
    totals = rows.groupBy("sku").agg({"on_hand": "sum"}).toDF("sku", "pieces").collect()
    # A place that has sold more than was booked in has nothing to give.
    return {row["sku"]: max(float(row["pieces"]), 0.0) for row in totals}
