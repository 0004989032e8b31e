"""docs/catalogue matches the declarations."""

from pathlib import Path

import pytest

from quanyu import discover
from quanyu.catalogue.occurring import OccurringValues
from quanyu.catalogue.pages import pages
from quanyu.config.settings import read_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    return discover.load(*read_settings(ROOT / "conf", tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def texts(catalogue):
    return pages(catalogue, discover.stages(), OccurringValues())


def test_the_pages_are_current(texts):
    written = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "catalogue").iterdir()}
    assert written == texts, "write them anew: quanyu catalogue --out docs/catalogue"


def test_every_table_and_every_name_of_an_entity_is_on_a_page(catalogue, texts):
    profiles = {f"profile_{name}" for name in catalogue.entities}
    listed = texts["silver.md"].count("\n### ") + texts["gold.md"].count("\n### ")
    assert listed == len(set(catalogue.tables) - profiles)
    for name, entity in catalogue.entities.items():
        assert [one for one in catalogue.names(entity) if f"| `{one}` |" not in texts[f"{name}.md"]] == []


def test_every_silver_table_is_filled_by_a_feed(catalogue):
    filled = {name for source in catalogue.sources.values() for name in source.tables()} | {"identifiers"}
    assert {name for name, table in catalogue.tables.items() if table.layer == "silver"} == filled
