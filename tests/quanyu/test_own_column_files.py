"""Files of own columns: what they add, and mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from quanyu import discover
from quanyu.config.settings import read_settings
from quanyu.errors import ConfigError
from quanyu.grammar.own_columns import OwnColumns, over_extended, with_columns
from quanyu.grammar.table import Column
from quanyu.model.outlets import Outlets
from quanyu.model.people import Customers, People
from quanyu.model.trade import Orders

HEAD = "describes: What we ask.\nowner: crm\n"
BAND = "columns: {band: {type: string, means: Income., values: [low, high]}}"
SOURCES = ["crm", "shop"]
TABLES = {table.name: table for table in (People, Customers, Orders, Outlets)}


def own_columns(folder: Path, text: str, table: str = "people") -> OwnColumns:
    (folder / f"{table}.yml").write_text(HEAD + text)
    loaded: OwnColumns = OwnColumns.load(folder / f"{table}.yml")
    return loaded


def test_the_tables_are_new_classes_and_ours_stay_as_they_are(tmp_path):
    traits = "traits: {band: {keep: strictest, order: [low, high]}, tier: {keep: newest}}\n"
    own = own_columns(tmp_path, f"{BAND}\n{traits}")
    assert own.problems(TABLES, SOURCES).found == []
    extended = own.extend(TABLES)
    assert list(extended) == ["people", "customers"]
    assert list(extended["people"].columns) == [*People.columns, "band"]
    assert list(extended["customers"].columns) == [*Customers.columns, "band", "tier"]
    assert "band" not in People.columns and "band" not in Customers.columns
    assert extended["people"] is not People and extended["people"].keys == People.keys
    assert extended["people"].definition() != People.definition()
    assert own.extend(TABLES)["people"] is extended["people"]


def test_a_view_is_over_the_table_with_the_columns(tmp_path):
    class Orderly:
        """A view."""

        over = Orders

    extended = with_columns(Orders, {"salon": Column("string", "Where.", own=True)})
    assert over_extended(Orderly, {"orders": extended}).over is extended
    assert over_extended(Orderly, {"orders": Orders}) is Orderly
    assert Orderly.over is Orders


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("columns: {band: {type: strin, means: A.}}", "type 'strin' is not allowed; did you mean 'string'?"),
        ("columns: {band: {type: string}}", "columns.band.means: is missing: say in a sentence"),
        ("columns: {band: {type: string, means: A., vlues: [a]}}", "unknown key; did you mean 'values'?"),
        ("columns: {tier: {type: string, means: A.}}", "people has this column already"),
        ("columns: {feed_day: {type: date, means: A.}}", "people has this column already"),
        ("columns: {as_of: {type: date, means: A.}}", "is a reserved name"),
        ("columns: {keys: {type: date, means: A.}}", "is a reserved name"),
        ("columns: {Band: {type: string, means: A.}}", "is no name of a column"),
        ("columns: {band: {type: int, means: A.}}", "columns.band.unit: is missing"),
        ("columns: {band: {type: string, means: A., unit: euro}}", "columns.band.unit: is for a number"),
        ("columns: {band: {type: string, means: A., at_least: 0}}", "columns.band.at_least: is for a number"),
        ("columns: {band: {type: int, means: A., unit: a, at_least: 2, at_most: 1}}", "is less than at_least"),
        ("columns: {band: {type: int, means: A., unit: a, values: [a]}}", "values are for a string, not for a int"),
        ("traits: {tire: {keep: newest}}", "unknown column of people; did you mean 'tier'?"),
        ("traits: {tier: {keep: oldest}}", "'newest', 'most_trusted' or 'strictest'"),
        ("traits: {gender: {keep: newest}}", "customers have a column gender already"),
        ("traits: {address: {keep: newest}}", "address is personal"),
        ("traits: {tier: {keep: newest, order: [crm]}}", "newest needs none"),
        ("traits: {tier: {keep: most_trusted}}", "is missing: the sources, first to last"),
        ("traits: {tier: {keep: most_trusted, order: [cmr]}}", "unknown source 'cmr'; did you mean 'crm'?"),
        ("traits: {points: {keep: strictest, order: ['1']}}", "strictest is for a column of string or boolean"),
        ("columns: {a: {type: string, means: A., values: [x, y]}}\ntraits: {a: {keep: strictest, order: [z]}}",
         "'z' is no value of the column"),
        ("columns: {a: {type: string, means: A., values: [x, y]}}\ntraits: {a: {keep: strictest, order: [x]}}",
         "does not say how strict y is"),
        ("columns: {a: {type: boolean, means: A.}}\ntraits: {a: {keep: strictest, order: ['true']}}",
         "does not say how strict false is"),
        ("columns: {a: {type: array<string>, means: A.}}\ntraits: {a: {keep: newest}}", "a list cannot be a trait"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_what_is_allowed(tmp_path, text, words):
    with pytest.raises(ConfigError) as error:
        own = own_columns(tmp_path, text)
        own.problems(TABLES, SOURCES).check()
    assert words in str(error.value)
    assert str(tmp_path / "people.yml") in str(error.value)


@pytest.mark.parametrize(
    ("table", "text", "words"),
    [
        ("peple", "columns: {a: {type: string, means: A.}}", "no table 'peple' to add to; did you mean 'people'?"),
        ("customers", "columns: {a: {type: string, means: A.}}", "no table 'customers' to add to"),
        (
            "orders",
            "traits: {channel: {keep: newest}}",
            "orders list no entity, so each row has its own values: traits are columns of people, outlets",
        ),
        ("outlets", "traits: {outlet: {keep: newest}}", "outlet of outlets is the key: it needs no trait"),
        ("outlets", "traits: {representative: {keep: newest}}", "is personal, and rules name no personal column"),
        ("outlets", "traits: {citty: {keep: newest}}", "unknown column of outlets; did you mean 'city'?"),
        ("outlets", "traits: {city: {keep: most_trusted, order: [cmr]}}", "unknown source 'cmr'"),
    ],
)
def test_a_table_may_not_have_what_it_cannot_fill_or_choose(tmp_path, table, text, words):
    own = own_columns(tmp_path, text, table)
    with pytest.raises(ConfigError) as error:
        own.problems(TABLES, SOURCES, ["outlets"]).check()
    assert words in str(error.value)
    assert set(own.extend(TABLES)) <= {table}


def test_traits_of_a_list_of_an_entity_are_its_columns(tmp_path):
    columns = "columns: {size: {type: int, means: Shops., unit: outlets}}\n"
    traits = "traits: {size: {keep: most_trusted, order: [shop, crm]}, city: {keep: newest}}\n"
    own = own_columns(tmp_path, columns + traits, "outlets")
    assert own.problems(TABLES, SOURCES, ["outlets"]).found == []
    extended = own.extend(TABLES)["outlets"].columns
    assert list(extended) == [*Outlets.columns, "size"]
    chosen = {name: (column.survivorship, column.own) for name, column in extended.items() if column.trait}
    assert chosen == {"size": (("shop", "crm"), True), "city": ((), False)}
    assert not any(column.trait for column in Outlets.columns.values())


def test_expressions_are_checked_against_the_columns(tmp_path):
    conf = tmp_path / "conf"
    (conf / "tables").mkdir(parents=True)
    (conf / "features").mkdir()
    (conf / "base.yml").write_text("zone: Asia/Shanghai\nregion: CN\ncurrency: CNY\n")
    own_columns(conf / "tables", BAND)
    view = (
        '"""V."""\nfrom quanyu.grammar.feature import Feature, FeatureView\nfrom quanyu.model.people import People\n'
        "from quanyu.model.entities import Customer\n"
        'class Home(FeatureView):\n    """H."""\n    entity, owner, over = Customer, "crm", People\n'
        '    band = Feature("count_if(band = \'hihg\')", "N.", unit="records")\n'
    )
    (conf / "features" / "home.py").write_text(view)
    with pytest.raises(ConfigError, match="band is never 'hihg'; did you mean 'high'"):
        discover.load(*read_settings(conf, tmp_path))
    (conf / "features" / "home.py").unlink()
    (conf / "features" / "flat.py").write_text(view.replace("hihg", "high").replace("class Home", "class Flat"))
    assert discover.load(*read_settings(conf, tmp_path)).tables["people"].columns["band"].own
    assert "band" not in People.columns
