"""Point-in-time frames: what they contain, and that nothing of the future reaches them, whatever happens."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest
from histories import BEFORE, FIRST, History

from quanyu.frames import frame
from quanyu.model.entities import Customer
from quanyu.run.runner import perform


def of(context, entity, rows, names):
    """The frame of a spine, as the rows of a pyarrow table."""
    spark = context.engine.session()
    schema = {"string": "string", "date32[day]": "date"}
    columns = ", ".join(f"{field.name} {schema[str(field.type)]}" for field in rows.schema)
    spine = context.lake.staging.stage_arrow(spark, rows, columns).rows
    return frame(context, entity, spine, names)


def values(made):
    return sorted((tuple(row.values()) for row in made.rows.toArrow().to_pylist()), key=str)


def go_on(history):
    context = history.shop.context(str(history.day))
    for step in BEFORE:
        perform(context, context.step(step))
    return context


def everything(context, entity):
    names = context.catalogue.names(entity)
    return [
        name for name, column in names.items() if column.type and name.split(".")[0] not in context.catalogue.models
    ]


@pytest.mark.parametrize("seed", range(2))
def test_nothing_of_the_future_reaches_a_frame(retailer, seed):
    history = History(retailer, seed)
    context = go_on(history)
    history.go_on()
    context = go_on(history)
    cutoffs = [FIRST - timedelta(days=40), FIRST, history.day - timedelta(days=1)]
    people = context.lake.rows("gold/identities", ["source", "person_key", "customer_id"])
    spine = pa.concat_tables(
        [people.append_column("cutoff", pa.array([day] * len(people), pa.date32())) for day in cutoffs]
    )
    by_person = spine.select(["source", "person_key", "cutoff"])
    by_customer = spine.select(["customer_id", "cutoff"])
    names = everything(context, Customer)
    before = [values(of(context, Customer, by, names)) for by in (by_person, by_customer)]
    for _ in range(3):
        history.go_on()
        context = go_on(history)
    after = [values(of(context, Customer, by, names)) for by in (by_person, by_customer)]
    assert after == before
