"""Ingestion end to end: every row is in silver or in quarantine, versions have their days, nothing is stored twice."""

from __future__ import annotations

from datetime import date

import pytest
from hostile import CASES
from till import PERSONAL as TILL

from jobs.ingest.steps import replay
from quanyu.errors import ContractError

HEAD = "receipt,line,at,phone,item,quantity,amount\n"
GOOD = "r1,1,2024-01-01 10:00:00,13911112222,a,1,10.00\nr1,2,2024-01-01 10:00:00,13911112222,b,2,20.50\n"
BAD = "r2,1,2024-01-01 11:00:00,,a,one,x\n"


@pytest.fixture
def till(retailer):
    retailer.declare("sources/till.yml", TILL)
    return retailer


def lines(retailer, *more):
    versions = retailer.rows("silver/order_lines", "order_id", "line", "amount", *more, "replaced_on")
    return [row[:-1] for row in versions if row[-1] is None]


def test_every_row_is_in_silver_or_in_quarantine_with_all_reasons(till):
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD + BAD + "r3,1\n")
    outcome = till.ingest("till", "2024-01-01")
    assert (outcome.rows_in, outcome.quarantined, outcome.facts.accepted) == (4, 2, 2)
    assert [str(amount) for _, _, amount in lines(till)] == ["10.00", "20.50"]
    assert [str(row[0]) for row in till.rows("silver/orders", "amount")] == ["30.50"]
    bad = till.rows("quarantine/till", "_file", "_row", "reasons", "raw")
    assert [(file, row) for file, row, *_ in bad] == [("till/2024-01-01/s1.csv", 3), ("till/2024-01-01/s1.csv", 4)]
    assert any("quantity" in why for why in bad[0][2])
    assert any("amount" in why for why in bad[0][2])
    assert '"amount":"x"' in bad[0][3]
    assert bad[1][3] == "r3,1"


def test_a_second_run_writes_nothing(till):
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD + BAD)
    till.ingest("till", "2024-01-01")
    before = till.versions()
    till.ingest("till", "2024-01-01")
    till.run("2024-01-01", "ingest.till", force=True)
    assert till.versions() == before


def test_a_corrected_row_goes_in_once_and_leaves_quarantine(till):
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD + BAD)
    till.ingest("till", "2024-01-01")
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD + BAD.replace("one,x", "1,9.99"))
    before = till.versions()
    till.ingest("till", "2024-01-01")
    assert [str(row[2]) for row in lines(till)] == ["10.00", "20.50", "9.99"]
    assert till.rows("quarantine/till", "raw") == []
    assert till.versions()["bronze/till"] == before["bronze/till"] + 1


def test_a_changed_file_replaces_its_earlier_rows(till):
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD)
    till.ingest("till", "2024-01-01")
    till.land("till/2024-01-02/s1.csv", HEAD + GOOD.replace("r1", "r9").replace("2024-01-01", "2024-01-02"))
    till.ingest("till", "2024-01-02")
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD.splitlines()[0].replace("10.00", "11.00") + "\n")
    till.ingest("till", "2024-01-02")
    versions = till.rows("silver/order_lines", "order_id", "line", "amount", "recorded_on", "replaced_on")
    first, second = date(2024, 1, 1), date(2024, 1, 2)
    r1 = [(line, str(amount), since, until) for order, line, amount, since, until in versions if order == "r1"]
    assert r1 == [
        (1, "10.00", first, second),
        (1, "11.00", second, None),
        (2, "20.50", first, second),
    ]


def test_a_late_file_is_recorded_on_the_day_of_its_run(till):
    till.land("till/2024-01-03/s1.csv", HEAD + GOOD.replace("r1", "r3"))
    till.ingest("till", "2024-01-03")
    till.land("till/2024-01-01/s2.csv", HEAD + GOOD)
    till.ingest("till", "2024-01-04")
    recorded = dict(till.rows("silver/orders", "order_id", "recorded_on"))
    assert recorded == {"r1": date(2024, 1, 4), "r3": date(2024, 1, 3)}


def test_a_repeated_key_is_quarantined_once(till):
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD + GOOD.splitlines()[0] + "\n")
    outcome = till.ingest("till", "2024-01-01")
    assert (outcome.rows_in, outcome.quarantined) == (3, 1)
    assert "repeats" in till.rows("quarantine/till", "reasons")[0][0][0]


def test_replay_publishes_rows_that_a_fixed_contract_accepts(till):
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD + BAD.replace("one,x", '1,"9,99"'))
    till.ingest("till", "2024-01-01")
    till.declare("sources/till.yml", TILL.replace('amount: "amount"', "amount: \"replace(amount, ',', '.')\"")
                 .replace("cast(amount as", "cast(replace(amount, ',', '.') as"))  # fmt: skip
    for _ in range(2):
        context = till.context("2024-01-01")
        replay(context, context.catalogue.sources["till"], frozenset([date(2024, 1, 1)]))
        assert [str(row[2]) for row in lines(till)] == ["10.00", "20.50", "9.99"]
        assert till.rows("quarantine/till", "raw") == []


def test_too_many_bad_rows_stop_the_source_and_leave_what_was_published(till):
    till.declare("sources/till.yml", TILL.replace("bad_share: 0.9", "bad_share: 0.1"))
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD)
    till.ingest("till", "2024-01-01")
    many = "".join(BAD.replace("r2", f"x{n}") for n in range(5))
    till.land("till/2024-01-02/s1.csv", HEAD + GOOD.replace("r1", "r5") + many)
    before = {place: version for place, version in till.versions().items() if place.startswith("silver")}
    with pytest.raises(ContractError, match=r"5 of 7 rows are bad.*quantity is not a int"):
        till.ingest("till", "2024-01-02")
    assert {place: till.versions()[place] for place in before} == before
    till.land("till/2024-01-02/s1.csv", HEAD + GOOD.replace("r1", "r5"))
    till.ingest("till", "2024-01-02")
    assert {row[0] for row in lines(till)} == {"r1", "r5"}


def test_a_silent_feed_and_an_unlikely_volume_stop_it(till):
    till.declare("sources/till.yml", TILL.replace("freshness: none", "freshness: {hours: 30}") + "volume: {after: 2}\n")
    for day in ("2024-01-01", "2024-01-02"):
        till.land(f"till/{day}/s1.csv", HEAD + GOOD.replace("r1", day))
        till.ingest("till", day)
    with pytest.raises(ContractError, match="freshness allows 30"):
        till.ingest("till", "2024-01-05")
    till.land("till/2024-01-03/s1.csv", HEAD + "".join(GOOD.replace("r1", f"n{n}") for n in range(6)))
    with pytest.raises(ContractError, match="12 rows of 2024-01-03"):
        till.ingest("till", "2024-01-03")
    assert {row[0] for row in lines(till)} == {"2024-01-01", "2024-01-02"}


def test_a_refused_file_makes_its_feed_fail_until_it_is_replaced(till):
    till.declare("sources/till.yml", TILL)
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD)
    broken = till.land("till/2024-01-01/s2.csv", "no header at all\n")
    outcome = till.breached("till", "2024-01-01")
    assert list(outcome.breaches) == ["refused till/2024-01-01/s2.csv"]
    assert {row[0] for row in lines(till)} == {"r1"}
    # It fails again on the same day and on the next one, with good files beside it.
    till.breached("till", "2024-01-01")
    till.land("till/2024-01-02/s1.csv", HEAD + GOOD.replace("r1", "r2"))
    till.breached("till", "2024-01-02")
    assert {row[0] for row in lines(till)} == {"r1", "r2"}
    broken.write_text(HEAD + GOOD.replace("r1", "r3"))
    assert till.ingest("till", "2024-01-02").breaches == {}
    assert {row[0] for row in lines(till)} == {"r1", "r2", "r3"}


def test_a_refused_file_that_is_removed_is_no_longer_reported(till):
    till.declare("sources/till.yml", TILL)
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD)
    till.ingest("till", "2024-01-01")
    broken = till.land("till/2024-01-01/s2.csv", "no header at all\n")
    till.breached("till", "2024-01-01")
    broken.unlink()
    till.ingest("till", "2024-01-01")


def fresh(shop, hours):
    shop.declare("sources/till.yml", TILL.replace("freshness: none", f"freshness: {{hours: {hours}}}"))


def test_a_feed_without_files_is_late_only_if_it_declares_its_freshness(till):
    till.declare("sources/till.yml", TILL)
    assert till.ingest("till", "2024-01-01").notes == ("nothing has landed yet",)
    fresh(till, 30)
    assert "nothing has landed yet; freshness allows 30" in till.breached("till", "2024-01-01").breaches["late"]


def test_a_file_without_rows_counts_for_freshness_and_a_refused_one_does_not(till):
    fresh(till, 24)
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD)
    till.ingest("till", "2024-01-01")
    till.land("till/2024-01-03/s1.csv", HEAD)
    assert till.ingest("till", "2024-01-04").breaches == {}
    assert till.ingest("till", "2024-01-02").breaches == {}
    till.land("till/2024-01-05/s1.csv", "no header at all\n")
    breaches = till.breached("till", "2024-01-05").breaches
    assert "was refused" in breaches["refused till/2024-01-05/s1.csv"]
    assert "the newest day is 2024-01-03, 48 hours before the end of 2024-01-05" in breaches["late"]


def test_a_late_feed_publishes_its_rows_and_every_run_reports_it(till):
    fresh(till, 24)
    till.land("till/2024-01-01/s1.csv", HEAD + GOOD)
    for _ in range(2):
        till.breached("till", "2024-01-09")
    assert {row[0] for row in lines(till)} == {"r1"}


def test_a_feed_with_the_day_in_a_column_is_as_fresh_as_its_rows(till):
    by_row = TILL.replace("till/{day}/*.csv", "till/*.csv").replace("format: csv", "format: csv, day: cast(at as date)")
    till.declare("sources/till.yml", by_row.replace("freshness: none", "freshness: {hours: 48}"))
    till.land("till/all.csv", HEAD + GOOD)
    till.ingest("till", "2024-01-02")
    assert "the newest day is 2024-01-01" in till.breached("till", "2024-01-20").breaches["late"]


CATALOGUE = """
describes: The catalogue.
owner: merchandise
reads: {path: "catalogue/{day}.csv", format: csv}
delivers: snapshot
freshness: none
deleted_when: absent
volume: {at_least: 0.3}
fills:
  products: {sku: sku, product: name}
"""


@pytest.mark.parametrize("at_once", [True, False])
def test_a_product_absent_from_a_snapshot_ends_that_day_and_may_return(retailer, at_once):
    retailer.declare("sources/catalogue.yml", CATALOGUE)
    days = {
        "2024-01-01": "sku,name\na,A\nb,B\n",
        "2024-01-02": "sku,name\na,A2\n",
        "2024-01-03": "sku,name\na,A2\nb,B\n",
    }
    for day, text in days.items():
        retailer.land(f"catalogue/{day}.csv", text)
        if not at_once:
            retailer.ingest("catalogue", day)
    retailer.ingest("catalogue", "2024-01-03")
    one, two, three = (date(2024, 1, n) for n in (1, 2, 3))
    assert retailer.rows("silver/products", "sku", "product", "recorded_on", "replaced_on") == [
        ("a", "A", one, two),
        ("a", "A2", two, None),
        ("b", "B", one, two),
        ("b", "B", three, None),
    ]


def _hostile(spec):
    return [case for case in CASES if case.spec == spec]


SPECS = sorted({case.spec for case in CASES}, key=lambda spec: -len(_hostile(spec)))[:4]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.format}-{spec.encoding}")
def test_hostile_files_are_read_or_refused_with_a_reason(retailer, tmp_path, spec):
    """All hostile files of one format as one feed: the results of all files add up, and the run raises nothing."""
    retailer.declare("sources/odd.yml", f"""
describes: Files of every bad kind.
owner: nobody
reads: {{path: "odd/{{day}}/*", format: {spec.format}, encoding: {spec.encoding}}}
delivers: changes
freshness: none
bad_share: 1
fills:
  products: {{sku: "concat_ws('/', _file, _row, id)", product: name, series: amount}}
""")  # fmt: skip
    cases = [case for case in _hostile(spec) if case.name != "directory"]
    for number, case in enumerate(cases):
        content = case.write(tmp_path / f"w{number}").read_bytes()
        retailer.land(f"odd/2024-01-01/{number:03d}-{case.file}", content)
    refused = [case for case in cases if case.refused]
    outcome = (retailer.breached if refused else retailer.ingest)("odd", "2024-01-01")
    assert len(outcome.breaches) == len(refused)
    assert outcome.facts.refused == len(refused)
    assert outcome.rows_in == sum(case.rows + len(case.broken) for case in cases if not case.refused)
    assert outcome.quarantined == sum(len(case.broken) for case in cases if not case.refused)
    quarantined = retailer.rows("quarantine/odd", "_file", "_row", "reasons")
    for number, case in enumerate(cases):
        name = f"odd/2024-01-01/{number:03d}-{case.file}"
        reasons_by_row = {row: reasons for file, row, reasons in quarantined if file == name}
        assert set(reasons_by_row) == ({0} if case.refused else set(case.broken)), case.name
        assert all(reasons and reasons[0] for reasons in reasons_by_row.values())
