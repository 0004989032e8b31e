"""Point-in-time frames: what they contain, and that nothing of the future reaches them, whatever happens."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, timedelta

import pyarrow as pa
import pytest
from histories import DAYS, FIRST, INGESTED, History, joined_home
from rich.console import Console
from shop import Retailer, template

from quanyu.errors import ConfigError
from quanyu.grammar.tags import profile_column
from quanyu.model.entities import Customer, Product
from quanyu.point_in_time import frame as frames
from quanyu.point_in_time.frame import Frame, frame
from quanyu.point_in_time.profiles import computed
from quanyu.point_in_time.tag_on_day import tag_on_day, values_on_day
from quanyu.run.runner import Context, perform

CUSTOMER_NAMES = (
    "ever.lines", "ever.spend", "ever.last", "ever.drinks", "order_gaps.longest", "weights.age", "tastes.favourite",
    "baskets.small", "value.spend_90d", "engagement.acts", "retention.lapsed", "customer.persons",
    "customer.sources", "customer.reachable_by",
)  # fmt: skip
PRODUCT_NAMES = ("product_sales.pieces", "product_sales.revenue", "product.category")


def of(context, entity, names, **columns) -> Frame:
    """The frame of a spine that is given by its columns."""
    rows = pa.table({name: pa.array(values) for name, values in columns.items()})
    schema = ", ".join(f"{name} {'date' if name == 'cutoff' else 'string'}" for name in columns)
    spine = context.lake.staging.stage_arrow(context.engine.session(), rows, schema).rows
    return frame(context, entity, spine, names)


def values(rows) -> list[tuple]:
    return sorted((tuple(row.values()) for row in rows.toArrow().to_pylist()), key=str)


def go_on(history):
    """Run the day of a history; returns its context."""
    context = history.shop.context(str(history.day))
    for step in INGESTED:
        perform(context, context.step(step))
    return context


def everything(context, entity) -> list[str]:
    """Every feature, attribute and tag."""
    names = context.catalogue.names(entity).items()
    return [name for name, column in names if column.type and name.split(".")[0] not in context.catalogue.models]


def of_all(context, spine, cutoffs, names) -> list[list[tuple]]:
    """Values of all persons, customers and products of a spine on each cutoff."""
    days = [day for day in cutoffs for _ in spine["person_key"]]
    person = {name: list(spine[name]) * len(cutoffs) for name in ("source", "person_key")}
    by_person = of(context, Customer, names[Customer], **person, cutoff=days)
    by_customer = of(context, Customer, names[Customer], customer_id=spine["customer_id"] * len(cutoffs), cutoff=days)
    skus, dates = zip(*((sku, day) for sku in ("A0", "A1", "A2", "A3") for day in cutoffs), strict=True)
    products = of(context, Product, names[Product], sku=skus, cutoff=dates)
    return [values(rows.rows) for rows in (by_person, by_customer, products)]


def assert_no_leak(shop, seed, runs, names) -> None:
    """Freeze frames of past cutoffs, live on, and compute them again."""
    history = History(shop, seed)
    go_on(history)
    history.go_on()
    context = go_on(history)
    chosen = {entity: names(context, entity) for entity in (Customer, Product)}
    spine = context.lake.rows("gold/identities", ["source", "person_key", "customer_id"]).to_pydict()
    cutoffs = sorted({FIRST, history.day - timedelta(days=1)})
    before = of_all(context, spine, cutoffs, chosen)
    for _ in range(runs):
        history.go_on()
        context = go_on(history)
    assert of_all(context, spine, cutoffs, chosen) == before


@pytest.mark.parametrize("seed", range(1))
def test_nothing_of_the_future_reaches_a_frame(retailer, seed):
    assert_no_leak(retailer, seed, 3, lambda _, entity: CUSTOMER_NAMES if entity is Customer else PRODUCT_NAMES)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 10))
def test_nothing_of_the_future_reaches_any_value_of_many_histories(retailer, seed):
    assert_no_leak(retailer, seed, 8, everything)


TAG = "retention.lapsed"


@pytest.fixture(scope="module")
def joined() -> Iterator[Context]:
    shop = Retailer.at(template("joined", joined_home))
    yield shop.context(str(DAYS[2]))
    shop.close()


def spend_of(frame_rows) -> dict[tuple, float]:
    rows = frame_rows.rows.toArrow().to_pylist()
    return {(row.get("person_key", row.get("customer_id")), row["cutoff"]): row["ever.spend"] for row in rows}


def test_records_that_were_joined_later_are_two_customers_at_an_earlier_cutoff(joined):
    people = joined.lake.rows("gold/identities", ["source", "person_key"]).to_pylist()
    keys = sorted({row["person_key"] for row in people if row["source"] == "receipts"})
    columns = {"source": ["receipts"] * 6, "person_key": keys * 3, "cutoff": [day for day in DAYS for _ in keys]}
    result = of(joined, Customer, ["ever.spend"], **columns)
    spent = spend_of(result)
    assert {day: sorted(spent[key, day] for key in keys) for day in DAYS} == {
        DAYS[0]: [1, 10], DAYS[1]: [2, 20], DAYS[2]: [33, 33],
    }  # fmt: skip
    assert result.notes() == []


def test_a_frame_says_how_many_of_its_cutoffs_are_after_the_last_run(joined):
    [customer, *_] = joined.lake.rows("gold/identities", ["customer_id"]).to_pydict()["customer_id"]
    cutoffs = [DAYS[2], DAYS[2] + timedelta(days=1), date(2030, 1, 1)]
    result = of(joined, Customer, ["ever.spend"], customer_id=[customer] * 3, cutoff=cutoffs)
    words = "2 of 3 rows have a cutoff after the last day that was run, 2024-03-03: what happened since is not known"
    assert (result.after_last_run, result.notes()[-1]) == (2, words)


def test_an_id_of_today_is_the_customer_that_it_was(joined):
    rows = joined.lake.rows("gold/identities", ["customer_id", "valid_to"]).to_pylist()
    [customer] = {row["customer_id"] for row in rows if row["valid_to"] is None}
    before = date(2024, 2, 1)
    result = of(joined, Customer, ["ever.spend"], customer_id=[customer] * 3, cutoff=[DAYS[2], DAYS[1], before])
    spent = spend_of(result)
    assert (spent[customer, DAYS[2]], spent[customer, before]) == (33, None)
    assert spent[customer, DAYS[1]] in (2, 20)
    assert (result.count, result.with_todays_identity, result.unknown) == (3, 1, 1)
    assert "1 of 3 rows have identities as valid today: the log of customer ids begins on 2024-03-01" in result.notes()


def test_a_thousand_cutoffs_give_what_each_day_gives(joined):
    cutoffs = [DAYS[0] + timedelta(days=n) for n in range(1000)]
    [customer, *_] = joined.lake.rows("gold/identities", ["customer_id", "valid_to"]).to_pydict()["customer_id"]
    names = ["ever.last", "baskets.small", "tastes.favourite", "customer.persons", "customer.joined_on"]
    rows = of(joined, Customer, names, customer_id=[customer] * 1000, cutoff=cutoffs).rows.toArrow().to_pylist()
    by_day = {row["cutoff"]: [row[name] for name in names] for row in rows}
    columns = list(map(profile_column, names))
    some = [DAYS[2], cutoffs[100], cutoffs[-1]]
    chosen = computed(joined, Customer, names, *some).where(f"customer_id = '{customer}'").collect()
    assert {row.as_of: [row[column] for column in columns] for row in chosen} == {day: by_day[day] for day in some}


def test_a_band_by_quantiles_counts_everybody_of_the_cutoff(joined, monkeypatch):
    rows = computed(joined, Customer, ["value.spend", "rfm.monetary"], DAYS[2]).collect()
    [best] = [row for row in rows if row.value__spend == max(row.value__spend for row in rows)]
    spine = {"customer_id": [best.customer_id, "nobody"], "cutoff": [DAYS[2]] * 2}
    bands = of(joined, Customer, ["rfm.monetary"], **spine).rows.toArrow().to_pylist()
    assert {row["customer_id"]: row["rfm.monetary"] for row in bands} == {
        best.customer_id: best.rfm__monetary, "nobody": None,
    }  # fmt: skip
    monkeypatch.setattr(frames, "MOST_DAYS_OF_EVERYBODY", 1)
    with pytest.raises(ConfigError, match="may have 1 cutoffs, and this one has 2"):
        of(joined, Customer, ["rfm.monetary"], customer_id=[best.customer_id] * 2, cutoff=DAYS[1:3])


def test_a_spine_or_a_name_that_does_not_fit_is_an_error(joined):
    with pytest.raises(ConfigError, match=r"cannot have 'ever\.spendx'; did you mean 'ever\.spend'"):
        of(joined, Customer, ["ever.spendx"], customer_id=["c"], cutoff=[DAYS[0]])
    with pytest.raises(ConfigError, match="has the columns cutoff and customer_id, or source and person_key"):
        of(joined, Customer, ["ever.spend"], person=["c"], cutoff=[DAYS[0]])


def test_who_had_a_tag_on_a_day_is_read_from_the_table_or_computed(joined, tmp_path):
    past = values_on_day(Context(joined.settings, DAYS[1]), Customer, "ever.lines")
    assert (past.how, past.values["value"].to_pylist()) == ("computed from facts", [2, 2])
    with pytest.raises(ConfigError, match="was not computed yet"):
        tag_on_day(joined.settings, TAG, None, 5, None)
    with pytest.raises(
        ConfigError, match="nothing is known of 2024-03-04 yet: the last day that was run is 2024-03-03"
    ):
        tag_on_day(joined.settings, TAG, DAYS[2] + timedelta(days=1), 5, None)
    file = tmp_path / "lapsed.csv"
    assert tag_on_day(joined.settings, TAG, DAYS[1], 5, file) == f"2 rows in {file}"
    assert file.read_text("utf-8-sig").splitlines()[0] == f'"customer_id","{TAG}"'
    for step in (*(view.step() for view in joined.catalogue.views_of(Product)), "profile.product"):
        perform(joined, joined.step(step))
    for name, day, title in (
        (
            "product_sales.pieces",
            None,
            "product_sales.pieces of 3 products as of 2024-03-03, from the table of profiles",
        ),
        (TAG, DAYS[1], f"{TAG} of 2 customers as of 2024-03-02, computed from facts"),
    ):
        page = Console(width=100, file=io.StringIO())
        page.print(tag_on_day(joined.settings, name, day, 5, None))
        assert title in page.file.getvalue()
