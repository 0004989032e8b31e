"""The same day on the embedded engine and on Apache Spark: every table, row by row, of the sample and of Online Retail.

What differs is told by table, column and declaration, as `quanyu verify` tells it.
"""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from shop import ROOT
from spark_server import JVM

from jobs.verify.copy import of_engine
from jobs.verify.days import run_copy
from jobs.verify.proof import Proof, compared
from quanyu.config.sections import Spark
from quanyu.config.settings import Settings, load_settings
from quanyu.run.runner import Context

DATA = Path(os.environ.get("QUANYU_DATA", ROOT.parent / "shared" / "data"))
ONLINE_RETAIL = DATA / "online_retail" / "online_retail.parquet"
START, DAYS, CUSTOMERS = date(2024, 1, 1), 60, 600
pytestmark = pytest.mark.spark


def prove(settings: Settings, day: date) -> Proof:
    """Run a day on both engines, each in a home of its own with the same key, and compare."""
    settings = settings.model_copy(update={"spark": Spark(conf=JVM)})
    homes = [of_engine(settings, engine, settings.home / engine) for engine in ("sail", "spark")]
    for home in homes:
        home.home.mkdir(parents=True)
        (home.home / "person.key").write_text("a" * 64)
    one, other = (run_copy(home, day, lambda engine, step: None) for home in homes)
    return compared(Context(settings, day), homes, "from empty tables", (one, other))


def differences(proof: Proof) -> list[str]:
    """What differs, in words: table, column, rows, and the declaration that gives it."""
    return [
        f"{one.place}.{one.column or '(rows)'}: {one.rows or (one.only_a, one.only_b)}: {words}"
        for one, words in proof.origins.items()
    ]


def filled(proof: Proof) -> set[str]:
    """Places of the tables that have rows."""
    return {comparison.place for comparison in proof.comparisons if comparison.rows_a}


@pytest.mark.long
def test_a_day_of_the_sample_is_the_same_on_both_engines(tmp_path):
    from sample.generate import generate

    settings = load_settings(ROOT / "conf", tmp_path)
    generate(settings.landing, CUSTOMERS, START, DAYS, 7)
    proof = prove(settings, START + timedelta(DAYS - 1))
    places = filled(proof)
    assert {f"bronze/{path.stem}" for path in (ROOT / "conf" / "sources").glob("*.yml")} <= places
    assert {
        "gold/customers",
        "gold/activity",
        "gold/value",
        "gold/memberships_customer",
        "silver/order_lines",
    } <= places
    assert any(place.startswith("quarantine/") for place in places)
    assert (proof.stopped, differences(proof)) == ([], [])


@pytest.mark.long
@pytest.mark.skipif(not ONLINE_RETAIL.exists(), reason=f"the Online Retail file is not at {ONLINE_RETAIL}")
def test_online_retail_is_the_same_on_both_engines(tmp_path):
    settings = load_settings(ROOT / "examples" / "online_retail", tmp_path).model_copy(update={"data": DATA.resolve()})
    proof = prove(settings, date(2011, 12, 9))
    assert {"gold/customers", "gold/value", "gold/memberships_customer", "silver/order_lines"} <= filled(proof)
    assert (proof.stopped, differences(proof)) == ([], [])
