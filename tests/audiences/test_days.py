"""A day computed alone or together with other days has the same members; and who is in the holdout."""

from dataclasses import replace
from datetime import date

import pytest
from specification import spec
from specification.comparison import differences
from specification.files import TESTS, cases_in
from specification.memory import MemoryContext, MemoryLake

from jobs.audiences import rules
from quanyu.model.entities import Customer
from quanyu.model.people import Customers
from quanyu.model.trade import Orders
from quanyu.point_in_time import as_of, view_parts

MANY = "\n".join(f"c{n} | 2024-0{month}-01" for n in range(1000) for month in (1, 2))
LAPSED = spec("winback", as_of="2024-07-01", given={Orders: f"customer | ordered_at\n{MANY}"}, expect=set()).case


def rows(frame):
    return sorted(map(tuple, frame.select("audience", "customer_id", "as_of", "holdout").collect()))


def context(specified, *days):
    """Context of the last of some days, with customers and views as of that day."""
    declared = specified.catalogue
    catalogue = replace(declared, audiences={"winback": declared.audiences["winback"]})
    lake = MemoryLake(specified.spark, [LAPSED])
    built = MemoryContext(catalogue, lake, days[-1])
    customers = as_of.all_entities(built, Customer, days[-1]).select("customer_id")
    missing = (f"cast(null as {c.type}) as `{n}`" for n, c in Customers.columns.items() if n != "customer_id")
    lake.frames["customers"] = customers.selectExpr("customer_id", *missing)
    for view in catalogue.views.values():
        lake.frames[view.name] = view_parts.compute(built, view, days[-1]).drop("as_of")
    return built


@pytest.fixture(scope="module")
def lapsed(specified):
    """Members of winback as of three days; the last one as a run for it computes them."""
    specified.spark.conf.set("spark.sql.session.timeZone", LAPSED.zone)
    days = [date(2024, 6, 29), date(2024, 6, 30), date(2024, 7, 1)]
    return rows(rules.members_of_all(context(specified, *days), Customer, days[:-1]))


def test_a_day_has_the_same_members_computed_alone_or_with_others(lapsed):
    by_day = {day: [row for row in lapsed if row[2] == day] for day in {row[2] for row in lapsed}}
    assert {day: len(members) for day, members in by_day.items()} == dict.fromkeys(by_day, 1000)
    assert len(by_day) == 3
    assert len({tuple((row[1], row[3]) for row in members) for members in by_day.values()}) == 1


def test_a_tenth_is_held_out(lapsed):
    held_out = [row for row in lapsed if row[3] and row[2] == date(2024, 7, 1)]
    assert 60 < len(held_out) < 140


@pytest.mark.parametrize("file", ["features/test_value.py", "audiences/test_measures.py"])
def test_a_case_gives_the_same_alone_and_with_cases_of_other_days(specified, file):
    cases = cases_in(TESTS / file)[:8]
    together = specified.computed(cases)
    alone = {case: specified.computed([case])[case] for case in cases}
    keys = {case: specified.entity(case).key for case in cases}
    separate = [differences(case, alone[case], keys[case]) for case in cases]
    assert separate == [differences(case, together[case], keys[case]) for case in cases]
