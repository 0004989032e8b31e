"""The same day on the embedded engine and on Apache Spark: every table, row by row, of the sample and of Online Retail.

What differs is told by table, column and declaration, as `quanyu verify` tells it.
"""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from shop import ROOT

from jobs.verify.compare import compare
from jobs.verify.copy import of_engine
from jobs.verify.days import run_copy
from jobs.verify.origin import origin
from quanyu.engine.session import Engine
from quanyu.lake import Lake
from quanyu.run import Context
from quanyu.settings import Settings, load_settings

DATA = Path(os.environ.get("QUANYU_DATA", ROOT.parent / "shared" / "data"))
ONLINE_RETAIL = DATA / "online_retail" / "online_retail.parquet"
START, DAYS, CUSTOMERS = date(2024, 1, 1), 60, 600
pytestmark = pytest.mark.spark


def differing(settings: Settings, day: date) -> tuple[list[str], set[str]]:
    """Run a day on both engines. Returns what differs in words, and the places of all tables that were compared."""
    homes = [of_engine(settings, engine, settings.home / engine) for engine in ("sail", "spark")]
    for home in homes:
        home.home.mkdir(parents=True)
        (home.home / "person.key").write_text("a" * 64)
        run = run_copy(home, day, lambda engine, step: None)
        assert [f"{result.step}: {result.error}" for result in run.results if result.status != "done"] == []
    context = Context(settings, day)
    steps, tables = list(context.steps.values()), context.catalogue.tables
    comparisons = compare(*(Lake(home, Engine(home)) for home in homes), tables)
    words = [
        f"{d.place}.{d.column or '(rows)'}: {d.rows or (d.only_a, d.only_b)}: "
        + origin(context.catalogue, steps, d.place, d.column, d.labels)
        for comparison in comparisons
        for d in comparison.differences
    ]
    return words, {comparison.place for comparison in comparisons if comparison.rows_a}


def test_a_day_of_the_sample_is_the_same_on_both_engines(tmp_path):
    from sample.generate import generate

    settings = load_settings(ROOT / "conf", tmp_path)
    generate(settings.landing, CUSTOMERS, START, DAYS, 7)
    words, places = differing(settings, START + timedelta(DAYS - 1))
    assert {f"bronze/{path.stem}" for path in (ROOT / "conf" / "sources").glob("*.yml")} <= places
    assert {"gold/customers", "gold/activity", "gold/value", "gold/memberships", "silver/order_lines"} <= places
    assert any(place.startswith("quarantine/") for place in places)
    assert words == []


@pytest.mark.skipif(not ONLINE_RETAIL.exists(), reason=f"the Online Retail file is not at {ONLINE_RETAIL}")
def test_online_retail_is_the_same_on_both_engines(tmp_path):
    settings = load_settings(ROOT / "examples" / "online_retail", tmp_path).model_copy(update={"data": DATA.resolve()})
    words, places = differing(settings, date(2011, 12, 9))
    assert {"gold/customers", "gold/value", "gold/memberships", "silver/order_lines"} <= places
    assert words == []
