"""docs/catalogue.md matches the declarations."""

from pathlib import Path

from quanyu import discover
from quanyu.catalogue.tables import counts, markdown
from quanyu.config.settings import read_settings

ROOT = Path(__file__).parents[2]


def test_the_page_is_current(tmp_path):
    catalogue = discover.load(*read_settings(ROOT / "conf", tmp_path))
    page = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert page == markdown(catalogue), "write it anew: quanyu catalogue --out docs/catalogue.md"
    totals = counts(catalogue)
    assert page.count("\n### ") == totals["tables"]


def test_every_silver_table_is_filled_by_a_feed(tmp_path):
    catalogue = discover.load(*read_settings(ROOT / "conf", tmp_path))
    filled = {name for source in catalogue.sources.values() for name in source.tables()} | {"identifiers"}
    assert {name for name, table in catalogue.tables.items() if table.layer == "silver"} == filled
