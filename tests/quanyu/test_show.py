"""Tables on a screen: as rows where they fit, else turned, and never a word cut into letters."""

import io

import pyarrow as pa
from rich.console import Console

from quanyu.show import _grid

WIDE = pa.table({f"a_long_name_{n}": [f"value {n}", None, "三件套"] for n in range(12)})


def shown(table, width):
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(_grid(table, "gold/wide", width))
    return console.export_text()


def test_a_wide_table_is_turned_on_a_narrow_screen():
    text = shown(WIDE, 80)
    assert all(f"a_long_name_{n}" in text and f"value {n}" in text for n in range(12))
    assert max(len(line) for line in text.splitlines()) <= 80


def test_a_table_that_fits_has_a_line_per_row():
    lines = shown(WIDE.select(["a_long_name_0", "a_long_name_1"]), 80).splitlines()
    assert sum("value" in line for line in lines) == 1


def test_no_rows_are_no_fault():
    assert "gold/wide" in shown(WIDE.slice(0, 0), 80)
