"""The step that plans campaigns: those with offers that are announced and have not begun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from ml.lifecycle.champions.meaning import meaning
from ml.lifecycle.frames.assigned import assigned
from ml.lifecycle.frames.data_notes import UNKNOWN_ODDS
from ml.plans.announced import AnnouncedCampaign, announced, check_arms, stock_of
from ml.plans.customers import candidates, names_in_rules
from ml.plans.decision import DecidedPlan, decided
from ml.plans.facts import PlanFacts
from ml.plans.figures import customers_by_arm, figures_of, verdict
from ml.plans.past import LEAST, past_assignments
from ml.uplift.chances import texts_of
from ml.uplift.draws import comparable
from ml.uplift.offers import numbers_of
from quanyu.discover import Catalogue
from quanyu.errors import ConfigError
from quanyu.grammar.declaration import digest
from quanyu.grammar.offers.offer import CampaignOffers
from quanyu.grammar.table import Table
from quanyu.lake import WriteCounts, place_of
from quanyu.lake.receipt import Receipt
from quanyu.literals import quoted
from quanyu.model.entities import Customer
from quanyu.model.people import ConsentAnswers
from quanyu.model.plans import PlanFigures, Plans
from quanyu.model.supply import Stock
from quanyu.model.touch import Campaigns
from quanyu.plurals import number_of
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

STEP = "plans"


def steps(catalogue: Catalogue) -> list[Step]:
    """List the step of plans, or none where no campaign has offers."""
    offers = sorted(catalogue.offers.values(), key=lambda each: each.file)
    if not offers:
        return []
    declares = {f"offers {name}": each.digest() for name, each in catalogue.offers.items()}
    models = sorted({each.model for each in offers})
    meanings = [meaning(catalogue, catalogue.models[name]) for name in models]
    return [Step(
        STEP, "plans", tuple(sorted(_reads(catalogue))), (place_of(Plans), place_of(PlanFigures)),
        digest([list(declares.values()), meanings]), plan_all,
        "Plans the arm of each customer in campaigns that are announced and have offers.", as_of=True, forward=True,
        declares=declares,
    )]  # fmt: skip


def _reads(catalogue: Catalogue) -> set[str]:
    """Places of what plans depend on: campaigns, stock, consent, what models learn from, and features of today."""
    tables = [Campaigns, Stock]
    places = {place_of(ConsentAnswers), f"gold/profile_{Customer.name}", *as_of.entity_sources(Customer)}
    for offers in catalogue.offers.values():
        spec = catalogue.models[offers.model]
        rules = {offer.arm: offer.when for offer in offers.offers.values() if offer.when}
        owners = {name.partition(".")[0] for name in names_in_rules(spec, rules)}
        views = [catalogue.views[owner] for owner in sorted(owners) if owner in catalogue.views]
        tables += [view.over for view in views]
        tables += [catalogue.tables[spec.label.over]]
        if spec.experiment is not None:
            tables.append(catalogue.tables[spec.experiment.over])
    return places | {place for table in tables for place in as_of.sources_of(table)}


@dataclass
class Planning:
    """What becomes of the campaigns of a day: their plans, and words on those without one. Alerts ask for a person."""

    context: Context
    plans: dict[str, DecidedPlan] = field(default_factory=dict)
    keys: dict[str, pd.Series[Any]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    alerts: dict[str, str] = field(default_factory=dict)
    past: dict[str, pd.DataFrame] = field(default_factory=dict)

    def attempt(self, offers: CampaignOffers, campaign: AnnouncedCampaign) -> None:
        """Plan a campaign, or say why it cannot be planned. One with mistakes does not stop the others."""
        try:
            self._plan(offers, campaign)
        except ConfigError as error:
            self.words[offers.campaign] = f"not planned: {error}"
            self.alerts[f"plan of {offers.campaign}"] = f"{offers.campaign} is not planned: {error}"

    def _plan(self, offers: CampaignOffers, campaign: AnnouncedCampaign) -> None:
        context, name, spec = self.context, offers.campaign, self.context.catalogue.models[offers.model]
        check_arms(offers, campaign)
        numbers = numbers_of(offers, stock_of(context, offers))
        if offers.model not in self.past:
            self.past[offers.model] = assigned(context, spec, date.min, context.day).rows
        unknown = ", ".join(comparable(self.past[offers.model]).of_unknown_odds)
        left_out = f" Nothing is learned from {unknown}: {UNKNOWN_ODDS}." if unknown else ""
        past = past_assignments(self.past[offers.model], spec, numbers.arms[1:])
        if past is None:
            self.words[name] = (
                f"not planned: no arm has {LEAST} past assignments beside as many of the control; draw arms at random"
                f" first, and log their probability.{left_out}"
            )
            return
        people = candidates(context, spec, numbers.arms, numbers.rules, campaign.channel)
        if not len(people.keys):
            self.words[name] = f"not planned: nobody may be reached by {campaign.channel}"
            return
        self.plans[name], self.keys[name] = decided(past, numbers, people, offers.explore, name), people.keys
        new = [arm for arm in numbers.arms if arm not in past.experiment.arms]
        only_explored = f" Only explored, without enough past assignments: {', '.join(new)}." if new else ""
        self.words[name] = verdict(self.plans[name]) + only_explored + left_out


def plan_all(context: Context, receipt: Receipt) -> Outcome:
    """Plan every campaign with offers that is announced and has not begun, and say what stands of the others."""
    declared = {offers.campaign: offers for offers in context.catalogue.offers.values()}
    campaigns, standing = announced(context, declared), _standing(context)
    # Asked for an earlier day, a campaign has begun that had begun by the newest one.
    today, planning = max(context.day, context.forward_day(STEP) or context.day), Planning(context)
    for name, offers in sorted(declared.items()):
        if name not in campaigns:
            planning.words[name] = "not announced yet"
        elif words := _begun(campaigns[name].starts_on, today, standing.get(name)):
            planning.words[name] = words
        else:
            planning.attempt(offers, campaigns[name])
    changed, unchanged = 0, 0
    for name, plan in planning.plans.items():
        counts = _written(context, receipt, name, plan, planning.keys[name])
        changed, unchanged = changed + counts[0], unchanged + counts[1]
    sizes = {name: customers_by_arm(plan) for name, plan in planning.plans.items()}
    notes = tuple(f"{name}: {_sized(sizes.get(name))}{words}" for name, words in planning.words.items())
    return Outcome(
        sum(sum(arms.values()) for arms in sizes.values()), changed, unchanged=unchanged, notes=notes,
        facts=PlanFacts(sizes, {name: planning.words[name] for name in sizes}), alerts=planning.alerts,
    )  # fmt: skip


def _begun(starts_on: date | None, today: date, planned_on: date | None) -> str:
    """Why a plan is not made or changed any more, in words; empty while it may be."""
    if starts_on is None or starts_on > today or (planned_on is None and starts_on == today):
        return ""
    if planned_on is None:
        return f"began on {starts_on} without a plan"
    return f"began on {starts_on}: its plan of {planned_on} stays as it is"


def _sized(arms: Mapping[str, int] | None) -> str:
    if arms is None:
        return ""
    listed = ", ".join(f"{arm} {count:,}" for arm, count in arms.items())
    return f"{number_of(sum(arms.values()), 'customer')} ({listed}). "


def _standing(context: Context) -> dict[str, date]:
    """Day of each campaign's plan."""
    if not context.lake.exists(place_of(Plans)):
        return {}
    rows = context.lake.rows(place_of(Plans), ["campaign", "as_of"])
    days = rows.group_by("campaign").aggregate([("as_of", "max")])
    return dict(zip(days["campaign"].to_pylist(), days["as_of_max"].to_pylist(), strict=True))


def _written(
    context: Context, receipt: Receipt, campaign: str, decided_plan: DecidedPlan, keys: pd.Series[Any]
) -> tuple[int, int]:
    """Set the figures, then the plan of a campaign; rows of the plan that changed, and that did not.

    The plan comes last: once it stands and the campaign has begun, neither is written again.
    """
    import pyarrow as pa

    plan, many = decided_plan.plan, len(keys)
    rows = pa.table({
        "campaign": pa.repeat(campaign, many), "customer_id": pa.array(keys, pa.string()),
        "arm": pa.array(decided_plan.numbers.arms).take(pa.array(plan.arm)), "probability": pa.array(plan.probability),
        "chances": pa.array(texts_of(decided_plan.numbers.arms, plan.chances), pa.string()),
        "explored": pa.array(plan.explored), "expected_gain": pa.array(decided_plan.expected_gain, from_pandas=True),
        "as_of": pa.repeat(pa.scalar(context.day), many),
    })  # fmt: skip
    figures = figures_of(decided_plan, campaign, context.day)
    columns = {name: pa.string() if column.type == "string" else pa.float64() for name, column in
               PlanFigures.columns.items()} | {"as_of": pa.date32()}  # fmt: skip
    _sync(context, receipt, PlanFigures, pa.Table.from_pylist(figures, pa.schema(columns)), campaign)
    written = _sync(context, receipt, Plans, rows, campaign)
    return written.changed, written.unchanged


def _sync(context: Context, receipt: Receipt, table: type[Table], rows: pa.Table, campaign: str) -> WriteCounts:
    lake = context.lake
    schema = ", ".join(f"`{name}` {column.type}" for name, column in table.columns.items())
    staged = lake.staging.stage_arrow(lake.spark, rows, schema)
    return lake.sync(table, staged.rows, receipt, part=f"campaign = {quoted(campaign)}")
