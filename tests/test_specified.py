"""Every declared feature, measure and model has a specification whose cases expect at least two different values."""

from collections import defaultdict
from pathlib import Path

import pytest
from specification.case import Case
from specification.files import cases_in, every

from ml.tasks.next_purchase import DaysUntil
from quanyu.config.settings import load_settings
from quanyu.discover import load
from quanyu.grammar.audience import Audience
from quanyu.grammar.job import Job
from quanyu.imports import instances_in
from quanyu.model.people import Customers

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [case for path in every() for case in cases_in(path)]


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    return load(load_settings(ROOT / "conf", tmp_path_factory.mktemp("home")))


def expected(cases):
    """Values that cases expect, as text, by `view.feature`, `audience.measure` or model."""
    values = defaultdict(set)
    for case in cases:
        name = case.target if isinstance(case.target, str) else case.target.name
        if isinstance(case.expect, set):
            values[f"{name}.inside"] |= {str(customer in case.expect) for customer in case.names()}
        for row in case.expect.values() if isinstance(case.expect, dict) else []:
            for key, value in row.items() if isinstance(row, dict) else [("label", row)]:
                features = getattr(case.target, "features", {})
                for owner in case.tags if case.tags and key not in features else [name]:
                    values[f"{owner}.{key}"].add(str(value))
    return values


def test_every_feature_and_tag_is_specified_by_two_values_at_least(cases, declared):
    values = expected(cases)
    names = [f"{view.name}.{name}" for view in declared.views.values() for name in view.features]
    names += [name for entity in declared.entities.values() for name in declared.tags_of(entity)]
    assert [name for name in names if len(values[name]) < 2] == []


def test_every_audience_and_measure_is_specified_by_two_values_at_least(cases, declared):
    values = expected(cases)
    names = [f"{a.name}.{name}" for a in declared.audiences.values() for name in ("inside", *a.measures)]
    assert [name for name in names if len(values[name]) < 2] == []


def test_every_audience_of_an_example_is_specified_or_is_one_of_the_house(cases, declared, tmp_path):
    example = load(load_settings(ROOT / "examples" / "online_retail", tmp_path))
    rules = [case.target.who for case in cases if isinstance(case.target, Audience)]
    rules += [audience.who for audience in declared.audiences.values()]
    assert [audience.file for audience in example.audiences.values() if audience.who not in rules] == []


def test_every_label_is_specified_as_0_as_1_and_as_missing(cases, declared):
    values = expected(cases)
    # Days until what comes begin with 1.
    wanted = {name: {"1", "2", "None"} if isinstance(model.label, DaysUntil) else {"0", "1", "None"}
              for name, model in declared.models.items()}  # fmt: skip
    assert [name for name, some in wanted.items() if not some <= values[f"{name}.label"]] == []


def test_every_table_that_a_job_of_facts_makes_is_specified(cases):
    tables = {job.writes for job in instances_in("jobs.unify", Job)} | {Customers}
    specified = [case.target for case in cases if isinstance(case.target, type)]
    assert [table.name for table in tables if table not in specified] == []


def test_every_column_of_customers_is_specified(cases):
    values = expected(cases)
    assert [n for n in Customers.columns if n != "customer_id" and not values[f"customers.{n}"]] == []


def test_declarations_without_a_case_are_named():
    values = expected([])
    assert [name for name in ("value.spend",) if len(values[name]) < 2] == ["value.spend"]
