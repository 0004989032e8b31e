"""What platforms report of an audience up to a day, added up, and to which export of ours it belongs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from quanyu.discover import Catalogue
from quanyu.model.exports import ALL, SEVERAL, AudienceCounts, AudienceStatus
from quanyu.model.touch import AdResults
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context

# Days of ads and orders that are compared, up to the run's day.
DAYS = 90
SUMS = ("impressions", "clicks", "cost", "conversions", "revenue")


@dataclass(frozen=True)
class AdTotal:
    """Results of an audience on an account, or on all, in a currency; `since` is the first day that has any."""

    audience: str
    platform: str
    account: str
    currency: str
    since: date
    impressions: int
    clicks: int
    cost: Decimal
    conversions: Decimal
    revenue: Decimal


def totals(context: Context) -> list[AdTotal]:
    """Results by audience, account and currency, as the platforms had them by the day."""
    from pyspark.sql import functions as F  # noqa: N812

    first = context.day - timedelta(days=DAYS - 1)
    rows = as_of.facts(context, context.catalogue.tables[AdResults.name], context.day).where(f"day >= date'{first}'")
    keys = ("audience", "platform", "account", "currency")
    own = f"coalesce(currency, '{context.settings.currency}') as currency"
    zero = [f"coalesce({name}, 0) as {name}" for name in SUMS]
    sums = [F.expr(f"sum({name})").alias(name) for name in SUMS]
    grouped = rows.selectExpr(*keys[:3], own, "day", *zero).groupBy(*keys).agg(F.expr("min(day)").alias("since"), *sums)
    return sorted(
        (AdTotal(**row.asDict()) for row in grouped.collect()),
        key=lambda total: (total.audience, total.platform, total.account, total.currency),
    )


def of_audiences(accounts: list[AdTotal]) -> list[AdTotal]:
    """Results of each audience on all its accounts, by currency."""
    whole: dict[tuple[str, str], AdTotal] = {}
    for total in accounts:
        before = whole.get((total.audience, total.currency))
        if before is None:
            whole[total.audience, total.currency] = replace(total, account=ALL)
            continue
        sums: dict[str, Any] = {name: getattr(before, name) + getattr(total, name) for name in SUMS}
        platform = before.platform if before.platform == total.platform else SEVERAL
        whole[total.audience, total.currency] = replace(
            before, platform=platform, since=min(before.since, total.since), **sums
        )
    return list(whole.values())


def export_of(catalogue: Catalogue, total: AdTotal) -> str | None:
    """Name of the export of an audience to the account; None if none of ours is declared."""
    audience = catalogue.audiences.get(total.audience)
    if audience is None:
        return None
    same = (account for account in catalogue.platforms.values() if account.platform == total.platform)
    names = [account.name for account in same if account.account == total.account] or [total.platform]
    return next((f"{audience.name}.{name}" for name in names if name in audience.send_to), None)


def counts(context: Context) -> dict[tuple[str, str, str], tuple[int | None, int | None]]:
    """Matched and usable members by audience, platform and account, as the platform or a person last said."""
    read = as_of.facts(context, context.catalogue.tables[AudienceCounts.name], context.day)
    rows = read.select("audience", "platform", "account", "day", "matched", "usable").collect()
    status = context.lake.table(AudienceStatus).where(f"asked_on <= date'{context.day}' and matched is not null")
    rows += status.select("audience", "platform", "account", "asked_on", "matched", "usable").collect()
    accounts = context.catalogue.platforms
    newest: dict[tuple[str, str, str], tuple[date, int | None, int | None]] = {}
    for audience, platform, account, day, matched, usable in rows:
        # The status names an account by its declaration.
        number = accounts[account].account if account in accounts else account
        key, before = (audience, platform, number), newest.get((audience, platform, number))
        if before is None or day >= before[0]:
            newest[key] = (day, matched, usable)
    return {key: (matched, usable) for key, (_, matched, usable) in newest.items()}
