"""Plans of campaigns for the terminal: who gets what, what limits leave, and what the plan is worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from ml.plans.figures import in_words
from ml.uplift.resampling import ConfidenceInterval
from quanyu.discover import Catalogue
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.offers.offer import CampaignOffers
from quanyu.lake import place_of
from quanyu.model.plans import PlanFigures
from quanyu.printable import cell
from quanyu.run.runner import Context
from quanyu.run.summary.panels import figures, lines

Row = dict[str, Any]


def overview(context: Context) -> RenderableType:
    """Every campaign with offers, and the day and the verdict of its plan."""
    declared, rows = _declared(context.catalogue), _rows(context)
    verdicts = {row["campaign"]: f"planned on {row['as_of']}. {row['words']}" for row in _of(rows, "verdict")}
    names = sorted({*declared, *verdicts})
    if not names:
        return cell("no campaign has offers: declare them in offers/NAME.yml of the conf folder")
    return Group(*lines("Campaigns with offers", ((name, verdicts.get(name, "not planned yet")) for name in names)))


def page(context: Context, campaign: str) -> RenderableType:
    """The plan of a campaign. Raises ConfigError for one without offers and plan."""
    rows = [row for row in _rows(context) if row["campaign"] == campaign]
    offers = _declared(context.catalogue).get(campaign)
    if offers is None and not rows:
        raise ConfigError(f"{campaign} has no offers; {nearest(campaign, _declared(context.catalogue))}")
    about = [cell(f"{campaign}: {offers.describes}")] if offers else []
    if not rows:
        return Group(*about, cell("not planned yet: the step `plans` says why in the summary of a run"))
    [verdict] = _of(rows, "verdict")
    said = [Text(f"Plan of {verdict['as_of']}", "bold"), cell(verdict["words"])]
    return Group(*about, *said, *_arms(rows, offers), *_limits(rows), *_gain(rows), *_values(rows))


def _declared(catalogue: Catalogue) -> dict[str, CampaignOffers]:
    return {offers.campaign: offers for offers in catalogue.offers.values()}


def _rows(context: Context) -> list[Row]:
    place = place_of(PlanFigures)
    rows: list[Row] = context.lake.rows(place).to_pylist() if context.lake.exists(place) else []
    return sorted(rows, key=lambda row: (row["campaign"], row["measure"], row["subject"]))


def _of(rows: Iterable[Row], measure: str) -> list[Row]:
    return [row for row in rows if row["measure"] == measure]


def _arms(rows: Sequence[Row], offers: CampaignOffers | None) -> list[Any]:
    names = {offer.arm: name for name, offer in offers.offers.items()} if offers else {}
    drawn = {row["subject"]: row["value"] for row in _of(rows, "drawn")}
    table = ((row["subject"], names.get(row["subject"], ""), _whole(row["value"]), _whole(drawn[row["subject"]]))
             for row in _of(rows, "customers"))  # fmt: skip
    return figures("Arms", ("arm", "offer", "customers", "drawn to explore"), _cells(table))


def _limits(rows: Sequence[Row]) -> list[Any]:
    table = ((row["subject"], _number(row["value"]), _number(row["most"]), row["words"] or "")
             for row in _of(rows, "used"))  # fmt: skip
    return figures("Limits", ("limit", "used", "at most", ""), _cells(table))


def _gain(rows: Sequence[Row]) -> list[Any]:
    table = ((_number(row["value"]), _number(row["most"])) for row in _of(rows, "gain"))
    return figures("Expected gain, in the base currency", ("without exploration", "no plan gains more than"),
                   _cells(table))  # fmt: skip


def _values(rows: Sequence[Row]) -> list[Any]:
    over = {row["subject"]: f"{_interval(row)} more than {row['words']}" for row in _of(rows, "over")}
    table = ((row["subject"], _interval(row), over.get(row["subject"], "")) for row in _of(rows, "value"))
    return figures("Gain per customer on past assignments", ("plan", "gain with interval of 95 %", ""), _cells(table))


def _cells(table: Iterable[Sequence[str]]) -> list[list[Text]]:
    return [[cell(value) for value in row] for row in table]


def _interval(row: Row) -> str:
    return in_words(ConfidenceInterval(row["value"], row["low"], row["high"]))


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _number(value: float) -> str:
    return f"{value:,.2f}".removesuffix(".00")
