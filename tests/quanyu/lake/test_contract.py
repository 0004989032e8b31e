"""The contract of every commit, for each committer and engine."""

import dataclasses
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from deltalake import DeltaTable
from sales import DAY, RECEIPT, SALES, TOTALS, Sales, Totals, sale, total

from quanyu.engine.guard import guard
from quanyu.errors import QuanyuError, RetryableError
from quanyu.grammar.table import Table
from quanyu.literals import quoted

# Every way of writing, with the change feed's kinds for its rows: a and b exist, b and c are written.
SALES_WAYS = {
    "append": (lambda desk, *rows: desk.append(*rows), [("insert", "b"), ("insert", "c")]),
    "overwrite": (lambda desk, *rows: desk.replace(*rows), None),
    "replace": (lambda desk, *rows: desk.replace(*rows, where="source = 'pos'"), None),
    "merge": (
        lambda desk, *rows: desk.merge(*({"_op": "update", **row} for row in rows)),
        [("insert", "c"), ("update_postimage", "b"), ("update_preimage", "b")],
    ),
}
TOTALS_WAYS = {
    "append rows": lambda desk, *rows: desk.append_rows(*rows),
    "replace rows": lambda desk, *rows: desk.replace_rows(*rows),
    "upsert rows": lambda desk, *rows: desk.upsert_rows(*rows),
    "sync": lambda desk, *rows: desk.sync(*rows),
}


@pytest.mark.parametrize("way", SALES_WAYS)
def test_every_commit_of_files_carries_its_receipt_and_its_number(desk, way):
    desk.append(sale("a"), sale("b"))
    version = SALES_WAYS[way][0](desk, sale("b", channel="shop"), sale("c"))
    assert desk.lake.version(SALES) == version
    assert desk.lake.receipt(SALES) == json.loads(RECEIPT.text({"out": 1}))
    assert desk.lake.transaction(SALES, f"sell/{SALES}") == 2


@pytest.mark.parametrize("way", TOTALS_WAYS)
def test_every_commit_of_rows_carries_its_receipt_and_its_number(desk, way):
    desk.append_rows(total("a"), total("b"))
    TOTALS_WAYS[way](desk, total("b", 2), total("c"))
    assert (desk.lake.receipt(TOTALS)["job"], desk.lake.receipt(TOTALS)["run"]) == ("sell", "run-1")
    assert desk.lake.transaction(TOTALS, f"sell/{TOTALS}") == 2


def test_a_run_that_another_has_overtaken_cannot_commit(form, open_desk):
    late, rerun = open_desk(*form), open_desk(*form)
    late.prepare()
    late.lake.fence("sell", [SALES, TOTALS])
    rerun.lake.fence("sell", [SALES])
    version = rerun.append(sale("a"), run="run-2")
    for way in SALES_WAYS:
        with pytest.raises(RetryableError, match="silver/sales: another run wrote at the same time"):
            SALES_WAYS[way][0](late, {**sale("z"), **({"_op": "insert"} if way == "merge" else {})})
    rerun.append(sale("b"), run="run-2")
    with pytest.raises(RetryableError):
        late.append(sale("z"))
    assert (rerun.rows(Sales, "number"), rerun.lake.history(SALES, 1)[0]["version"]) == (["a", "b"], version + 1)
    # It continues if no other run came first, and after its step was started again.
    late.append_rows(total("z"))
    late.lake.fence("sell", [SALES])
    late.append(sale("c"), run="run-3")
    assert rerun.rows(Sales, "number") == ["a", "b", "c"]


def test_jobs_that_write_one_table_do_not_fence_each_other(form, open_desk):
    one, other = open_desk(*form), open_desk(*form)
    one.prepare()
    one.lake.fence("sell", [SALES])
    other.append(sale("a", source="crm"), job="return")
    one.append(sale("b"))
    one.append(sale("c"))
    assert one.rows(Sales, "number") == ["a", "b", "c"]


def test_a_table_is_stored_as_declared(desk):
    table = DeltaTable(desk.lake.path(SALES))
    metadata = table.metadata()
    settings = metadata.configuration
    assert (metadata.description, metadata.partition_columns) == ("One sale.", ["source"])
    assert (settings["quanyu.owner"], settings["delta.enableChangeDataFeed"]) == ("trade", "true")
    assert set(settings) >= {"delta.constraints.amount", "delta.constraints.channel"}
    fields = {field.name: field for field in table.schema().fields}
    assert list(fields) == list(Sales.schema())
    assert fields["amount"].metadata["comment"] == "What was paid. Unit: currency."
    assert sorted(name for name, field in fields.items() if not field.nullable) == [
        "feed_day", "number", "recorded_on", "sold_at", "source",
    ]  # fmt: skip
    desk.prepare()
    assert DeltaTable(desk.lake.path(SALES)).version() == table.version()


WRONG_SALES = [{"number": None}, {"sold_at": None}, {"channel": "13911112222"}, {"amount": Decimal("-1.50")}]
WRONG_TOTALS = [{"customer_id": None}, {"customer_id": "139", "orders": -7}]


@pytest.mark.parametrize("way", SALES_WAYS)
def test_rows_that_break_a_rule_are_not_written(desk, way):
    version = desk.append(sale("a"))
    for wrong in WRONG_SALES:
        rows = (sale("b"), sale(**{"number": "c", **wrong}))
        with pytest.raises(QuanyuError, match=r"silver/sales.*(required|constraint).*nothing was written") as error:
            SALES_WAYS[way][0](desk, *rows)
        assert "139" not in str(error.value) and "-1.5" not in str(error.value)
        assert not isinstance(error.value, RetryableError)
    assert (desk.rows(Sales, "number"), desk.lake.history(SALES, 1)[0]["version"]) == (["a"], version)


@pytest.mark.parametrize("way", TOTALS_WAYS)
def test_rows_of_this_process_that_break_a_rule_are_not_written(desk, way):
    desk.append_rows(*(total(customer) for customer in "abcdef"))
    before = desk.lake.history(TOTALS, 1)[0]["version"]
    for wrong in WRONG_TOTALS:
        with pytest.raises(QuanyuError, match=r"gold/totals.*nothing was written") as error:
            TOTALS_WAYS[way](desk, total("b"), {**total("z"), **wrong})
        assert "139" not in str(error.value) and "-7" not in str(error.value)
    assert desk.lake.history(TOTALS, 1)[0]["version"] == before


@pytest.mark.parametrize("way", SALES_WAYS)
def test_the_change_feed_has_the_changes_of_a_commit(desk, way):
    desk.append(sale("a"), sale("b"))
    version = SALES_WAYS[way][0](desk, sale("b", channel="shop"), sale("c"))
    replaced = [("delete", "a"), ("delete", "b"), ("insert", "b"), ("insert", "c")]
    assert desk.changes(SALES, version) == (SALES_WAYS[way][1] or replaced)


def test_a_merge_inserts_updates_and_deletes_by_keys_that_may_be_null(desk):
    desk.append(sale("a"), sale("b", phone=None), sale("c"))
    version = desk.merge(
        {**sale("a"), "_op": "delete"}, {**sale("b", phone=None, channel="shop"), "_op": "close"},
        {**sale("c", phone=None), "_op": "insert"}, {**sale("d", amount=None), "_op": "insert"},
        on=["source", "number", "phone"],
    )  # fmt: skip
    there = [(row["number"], row["phone"], row["channel"]) for row in desk.rows()]
    assert sorted(there, key=str) == [
        ("b", None, "shop"), ("c", "13800000001", "web"), ("c", None, "web"), ("d", "13800000001", "web"),
    ]  # fmt: skip
    assert desk.changes(SALES, version) == [
        ("delete", "a"), ("insert", "c"), ("insert", "d"), ("update_postimage", "b"), ("update_preimage", "b"),
    ]  # fmt: skip


def test_a_silver_table_is_partitioned_by_source(desk):
    desk.append(sale("a", source="crm"), sale("b", source="pos"), sale("c", source="pos"))
    folder = Path(desk.lake.path(SALES))
    assert sorted(path.name for path in folder.glob("source=*")) == ["source=crm", "source=pos"]
    desk.replace(sale("d"), where="source = 'pos'")
    assert desk.rows(Sales, "number") == ["a", "d"]


@pytest.mark.parametrize("way", SALES_WAYS)
def test_no_personal_value_stands_in_a_log(desk, way):
    desk.append(sale("a"), sale("b"))
    SALES_WAYS[way][0](desk, sale("b", phone="13912345678"), sale("c"))
    added = [json.loads(action["add"]["stats"]) for action in desk.log(SALES) if "add" in action]
    assert added
    for stats in added:
        for bounds in (stats.get("minValues", {}), stats.get("maxValues", {})):
            assert not {"phone", "coupons", "channel"} & set(bounds)
        assert stats["maxValues"]["sold_at"] >= "2024-06-30T16:30:00.123"
        assert {"number", "sold_at", "feed_day"} <= set(stats["minValues"])
    text = json.dumps(desk.log(SALES))
    assert "13800000001" not in text and "13912345678" not in text


Widened = type("Sales", (Table,), {
    **vars(Sales), "store": dataclasses.replace(Sales.columns["channel"], values=()),
})  # fmt: skip


def test_newly_declared_columns_are_null_in_older_rows(desk):
    desk.append(sale("a"))
    assert desk.lake.table(Widened).toArrow().column("store").to_pylist() == [None]
    desk.lake.prepare(Widened)
    desk.append(sale("b"))
    frame = desk.frame(Sales, [sale("c")]).selectExpr("*", "'s1' as store")
    desk.lake.append(SALES, frame, RECEIPT, {})
    assert [(row["number"], row["store"]) for row in desk.lake.read(SALES).orderBy("number").collect()] == [
        ("a", None), ("b", None), ("c", "s1"),
    ]  # fmt: skip
    desk.merge({**sale("c", amount=None), "_op": "update"})
    assert sorted(row["store"] or "" for row in desk.lake.read(SALES).collect()) == ["", "", ""]


Extended = type("Sales", (Table,), {
    **vars(Sales), "channel": dataclasses.replace(Sales.columns["channel"], values=("web", "shop", "phone")),
})  # fmt: skip


def test_newly_declared_values_are_allowed_in_an_older_table(desk):
    desk.append(sale("z"))
    with pytest.raises(QuanyuError, match="constraint"):
        desk.append(sale("a", channel="phone"))
    desk.lake.prepare(Extended)
    desk.append(sale("a", channel="phone"))
    with pytest.raises(QuanyuError, match="constraint"):
        desk.append(sale("b", channel="fax"))
    assert desk.rows(Sales, "channel") == ["phone", "web"]


def test_a_required_column_that_the_rows_lack_is_reported(desk):
    with pytest.raises(QuanyuError, match=r"(required|constraint)"):
        desk.lake.append(SALES, desk.frame(Sales, [sale("a")]).drop("sold_at"), RECEIPT, {})
    assert desk.lake.version(SALES) is None


TEXTS = ["O'Brien", "back\\slash", 'dou"ble', "`tick`", "percent%_", "全域", "a'' or '1'='1"]


def test_a_condition_may_hold_any_text(desk):
    desk.append(*(sale(str(n), phone=text) for n, text in enumerate(TEXTS)))
    for n, text in enumerate(TEXTS):
        desk.replace(sale(f"new {n}", phone=text), where=f"phone = {quoted(text)}")
    there = {(row["number"], row["phone"]) for row in desk.rows()}
    assert there == {(f"new {n}", text) for n, text in enumerate(TEXTS)}


CONDITIONS = [
    ("feed_day in (date'2024-06-28', date'2024-06-30')", ["b"]),
    ("feed_day = date'2024-06-29' and source = 'pos'", ["a", "c"]),
    ("(number = 'a') or (number = 'b' and feed_day > date'2024-06-28')", ["c"]),
    ("number in ('a', 'c') and phone is null", ["a", "b", "c"]),
    ("feed_day >= date'2024-06-29'", ["a"]),
]


def test_rows_of_several_days_are_replaced(desk):
    days = {"a": date(2024, 6, 28), "b": date(2024, 6, 29), "c": date(2024, 6, 30)}
    for where, left in CONDITIONS:
        desk.replace(*(sale(number, feed_day=day) for number, day in days.items()))
        desk.replace(where=where)
        assert desk.rows(Sales, "number") == left, where


def test_nothing_may_be_written_outside_of_what_is_replaced(desk):
    desk.append(sale("a"), sale("b"))
    with pytest.raises(QuanyuError):
        desk.replace(sale("b"), where="number = 'a'")
    assert desk.rows(Sales, "number") == ["a", "b"]


def test_no_rows_are_a_commit_too(desk):
    desk.append()
    assert (desk.rows(), desk.lake.receipt(SALES)["run"]) == ([], "run-1")
    desk.append(sale("a"))
    desk.merge()
    assert desk.rows(Sales, "number") == ["a"]
    desk.replace(where="number = 'nobody'")
    assert desk.rows(Sales, "number") == ["a"]
    desk.replace()
    assert desk.rows() == []
    desk.sync()
    assert desk.sync(total("a"), total("b")).inserted == 2
    assert desk.sync().deleted == 2
    assert desk.rows(Totals) == []


@pytest.mark.parametrize("way", SALES_WAYS)
def test_values_come_back_as_they_were(desk, way):
    odd = [
        sale("1", sold_at=datetime(1986, 5, 4, 16, 0, 0, 1, UTC), amount=Decimal("0.01"), coupons=[]),
        sale("2", sold_at=datetime(9999, 12, 31, 15, 59, 59, 999999, UTC), amount=Decimal("9999999999999999.99")),
        sale("3", sold_at=datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), coupons=None, amount=None),
        sale("4", sold_at=datetime(2024, 3, 10, 7, 0, 0, 0, UTC), coupons=[None, "", "a,b"], channel=None),
    ]
    SALES_WAYS[way][0](desk, *odd)
    rows = [{**row, "sold_at": row["sold_at"].astimezone(UTC)} for row in desk.rows()]
    assert rows == odd
    days = desk.lake.read(SALES).selectExpr("cast(to_date(sold_at) as string) as day").toArrow()["day"].to_pylist()
    assert sorted(days) == ["1970-01-01", "1986-05-05", "2024-03-10", "9999-12-31"]
    assert desk.lake.rows(SALES, ["number"]).num_rows == 4


def test_a_sync_commits_only_a_difference(desk):
    rows = [total(str(n), n) for n in range(10)]
    assert desk.sync(*rows).inserted == 10
    before = desk.lake.version(TOTALS)
    assert (desk.sync(*rows).version, desk.lake.version(TOTALS)) == (None, before)
    written = desk.sync(*rows[1:9], total("9", 90), total("new"))
    assert (written.inserted, written.updated, written.deleted, written.unchanged) == (1, 1, 1, 8)
    part = desk.sync(total("1", 1), part="customer_id = '1' or customer_id = '2'")
    assert (part.deleted, len(desk.lake.rows(TOTALS))) == (1, 9)


def test_a_missing_table_is_reported_and_is_not_empty(desk):
    with pytest.raises(QuanyuError, match="silver/nowhere: there is no table in"):
        desk.lake.read("silver/nowhere")
    desk.append(sale("a"))
    for file in Path(desk.lake.path(SALES)).rglob("*.parquet"):
        file.unlink()
    with pytest.raises(QuanyuError), guard("test"):
        desk.rows()


def test_files_that_no_commit_names_are_not_read(desk):
    desk.append(sale("a"))
    folder = next(Path(desk.lake.path(SALES)).glob("source=pos"))
    file = next(folder.glob("*.parquet"))
    (folder / "part-00000-orphan.parquet").write_bytes(file.read_bytes())
    assert desk.rows(Sales, "number") == ["a"]
    desk.merge({**sale("b"), "_op": "insert"})
    assert desk.rows(Sales, "number") == ["a", "b"]
    assert DAY.isoformat() == desk.lake.receipt(SALES)["day"]
