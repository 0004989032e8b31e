"""The catalogue's page is what the declarations say today."""

from pathlib import Path

from quanyu import discover
from quanyu.catalogue import counts, markdown
from quanyu.settings import read_settings

ROOT = Path(__file__).parents[2]


def test_the_page_is_current(tmp_path):
    found = discover.load(*read_settings(ROOT / "conf", tmp_path))
    page = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert page == markdown(found), "write it anew: quanyu catalogue --out docs/catalogue.md"
    told = counts(found)
    assert page.count("\n### ") == told["tables"]


def test_every_silver_table_is_filled_by_a_feed(tmp_path):
    found = discover.load(*read_settings(ROOT / "conf", tmp_path))
    filled = {name for source in found.sources.values() for name in source.tables()} | {"identifiers"}
    assert {name for name, table in found.tables.items() if table.layer == "silver"} == filled
