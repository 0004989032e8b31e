"""The weekly maintenance step: when it is due, what it reports, and how removed versions are explained."""

import os
import time
from datetime import date

import pyarrow as pa
import pytest

from jobs.upkeep.facts import UpkeepFacts
from quanyu import show
from quanyu.errors import ConfigError
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import perform

# A Monday, its Sunday, and the Monday after.
MONDAY, SUNDAY, NEXT = "2024-07-01", "2024-07-07", "2024-07-08"


def upkeep(retailer, day):
    context = retailer.context(day)
    return perform(context, context.step("upkeep"))


@pytest.fixture
def totals(retailer):
    """A table of eleven small commits, the last of which replaces all others; and leftovers of a killed run."""
    lake = retailer.context(MONDAY).lake
    lake.ensure_table("gold/totals", {"customer": "string", "orders": "bigint"}, ["customer"])
    for number in range(11):
        rows = pa.table({"customer": [f"c{number}", f"d{number}"], "orders": [number, number]})
        write = lake.append_rows if number < 10 else lake.replace_rows
        write("gold/totals", rows, Receipt("total", f"2024-06-{number + 1:02}", f"r{number}", "d"), {})
    dead = retailer.settings.lake / "_staging" / "dead"
    dead.mkdir(parents=True)
    os.utime(dead, (time.time() - 3 * 86400,) * 2)
    return "gold/totals"


def test_it_is_due_once_in_a_week(retailer, totals):
    assert upkeep(retailer, MONDAY).status == "done"
    assert upkeep(retailer, SUNDAY).status == "skipped"
    again = upkeep(retailer, NEXT)
    assert (again.status, again.outcome.notes, again.outcome.facts) == ("done", (), UpkeepFacts(0, 0))


def test_it_reports_what_it_did(retailer, totals):
    lake = retailer.context(MONDAY).lake
    for name in "efghijk":
        rows = pa.table({"customer": [name], "orders": [1]})
        lake.append_rows(totals, rows, Receipt("total", "2024-06-12", "r", "d"), {})
    version, rows = lake.version(totals), retailer.rows(totals)
    outcome = upkeep(retailer, MONDAY).outcome
    assert outcome.facts.compacted == 8
    assert outcome.notes[0].startswith("8 small files compacted")
    assert outcome.notes[1] == "1 staging folders of killed runs removed"
    assert (lake.version(totals), retailer.rows(totals)) == (version, rows)


def test_versions_within_the_retention_are_readable_and_older_ones_are_explained(retailer, totals):
    settings = retailer.settings
    upkeep(retailer, MONDAY)
    assert "10 of 10 rows" in str(show.rows(settings, "totals", 5, None, 20, None).renderables[0])
    with pytest.raises(ConfigError, match="was not there yet on 2024-05-31"):
        show.rows(settings, "totals", None, date(2024, 5, 31), 20, None)
    for file in (settings.lake / totals).rglob("*"):
        if file.is_file():
            os.utime(file, (time.time() - 100 * 86400,) * 2)
    upkeep(retailer, NEXT)
    with pytest.raises(ConfigError, match=r"has expired: .*retention_days \(90\) in base.yml"):
        show.rows(settings, "totals", 5, None, 20, None)
