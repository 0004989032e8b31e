"""Tables on a screen: as rows if they fit, else transposed; words are never split."""

import io
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from rich.console import Console

from quanyu.config.settings import load_settings
from quanyu.engine.session import Engine
from quanyu.errors import ConfigError
from quanyu.lake import Lake
from quanyu.show import _in_zone, grid, listing, place, written

WIDE = pa.table({f"a_long_name_{n}": [f"value {n}", None, "三件套"] for n in range(12)})


def shown(table, width):
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(grid(table, "gold/wide", width))
    return console.export_text()


def test_a_wide_table_is_turned_on_a_narrow_screen():
    text = shown(WIDE, 80)
    assert all(f"a_long_name_{n}" in text and f"value {n}" in text for n in range(12))
    assert max(len(line) for line in text.splitlines()) <= 80


def test_a_table_that_fits_has_a_line_per_row():
    lines = shown(WIDE.select(["a_long_name_0", "a_long_name_1"]), 80).splitlines()
    assert sum("value" in line for line in lines) == 1


def test_numbers_are_aligned_to_the_right():
    lines = shown(pa.table({"city": ["上海", "北京"], "orders": [7, 12345]}), 80).splitlines()
    ends = [line.rstrip(" │") for line in lines if "上海" in line or "北京" in line]
    assert [line[-2:] for line in ends] == [" 7", "45"]


def test_times_are_shown_in_the_zone_of_the_retailer():
    instants = pa.array([datetime(2024, 7, 1, 3, 30, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    days = pa.array([date(2024, 7, 1)])
    text = shown(_in_zone(pa.table({"at": instants, "day": days}), "Asia/Shanghai"), 80)
    assert "2024-07-01 11:30:00+08:00" in text


def test_doubles_are_rounded():
    text = shown(pa.table({"mean": [365.3333333333333, 0.000123456, 342.0, None]}), 80)
    assert all(f" {number} " in text for number in ("365.3333", "0.0001235", "342.0"))


def test_a_long_value_is_folded_and_not_cut():
    words = [f"word_{n}" for n in range(40)]
    text = shown(pa.table({"words": [words]}), 80)
    assert all(word in text for word in words)


def test_an_empty_lake_says_what_to_do(tmp_path):
    settings = load_settings(None, tmp_path)
    assert "run a day first" in listing(settings)
    with pytest.raises(ConfigError, match="has no tables yet; run a day first"):
        place(Lake(settings, Engine(settings)), "orders")


def test_a_table_is_found_by_a_similar_name(tmp_path):
    settings = load_settings(None, tmp_path)
    write_deltalake(settings.lake / "gold" / "value", pa.table({"n": [1]}))
    with pytest.raises(ConfigError, match="did you mean 'value'"):
        place(Lake(settings, Engine(settings)), "valu")


def test_no_rows_are_no_fault():
    assert "gold/wide" in shown(WIDE.slice(0, 0), 80)


def test_a_value_is_escaped():
    text = shown(pa.table({"name": ["[/]", "[bold]x", "a\x1b[2Jb"]}), 80)
    assert all(value in text for value in ("[/]", "[bold]x", r"a\x1b[2Jb"))


def test_a_csv_for_people_opens_in_excel_and_holds_no_formula(tmp_path):
    rows = pa.table({"name": ["=1+1", "王", None], "of": [["@a", "b"], [], None], "n": [-1, 2, None]})
    written(rows, tmp_path / "out.csv")
    content = (tmp_path / "out.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig").splitlines() == ['"name","of","n"', '"\'=1+1","\'@a, b",-1', '"王","",2', ",,"]


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_file_for_people_belongs_to_its_owner_alone(tmp_path, name):
    (tmp_path / name).write_text("old")
    (tmp_path / name).chmod(0o644)
    written(pa.table({"name": ["=1+1"]}), tmp_path / name)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_a_table_stays_as_it_is_in_parquet(tmp_path):
    written(pa.table({"name": ["=1+1"]}), tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == [{"name": "=1+1"}]
