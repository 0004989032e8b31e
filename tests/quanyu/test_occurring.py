"""Values that occur in a home are on the pages of the catalogue only where they say nothing of a single person."""

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from quanyu.catalogue.occurring import MOST_LISTED, OccurringValues
from quanyu.config.settings import Settings
from quanyu.engine.session import Engine
from quanyu.lake import Lake, place_of
from quanyu.model.knowledge import Reviews
from quanyu.model.outlets import Outlets
from quanyu.model.people import Consents, Customers
from quanyu.model.touch import Contacts, Events


@pytest.fixture
def occur(tmp_path):
    """What occurs in a table with these rows, by column."""
    settings = Settings(home=tmp_path, conf=tmp_path, data=tmp_path, landing=tmp_path)
    lake = Lake(settings, Engine(settings))

    def listed(table, *rows):
        write_deltalake(settings.lake / place_of(table), pa.Table.from_pylist(list(rows)), mode="overwrite")
        return OccurringValues(lake).of_table(table)

    return listed


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (Events, {"event_id": "1", "kind": "search", "query": "孕妇装, 张伟 13800138000", "order_id": "MP2024-1"}),
        (Reviews, {"review_id": "1", "order_id": "S-77"}),
        (Contacts, {"person_key": "p", "staff_user": "u", "tags": '["离异"]'}),
        (Consents, {"person_key": "p", "purpose": "marketing", "channel": "sms", "evidence": "签名 张伟 2024"}),
        (Customers, {"customer_id": "c", "city": "Ulm"}),
    ],
)
def test_of_a_table_about_persons_only_declared_values_are_listed(occur, table, row):
    """Also where several rows have the same: a person searches twice, and an order has several reviews."""
    expected = {"kind": " Occur: search."} if table is Events else {}
    assert occur(table, row, {**row, table.keys[0]: "2"}) == expected


def test_elsewhere_a_value_is_listed_that_several_rows_share(occur):
    rows = [{"outlet": n, "outlet_name": name, "kind": "specialty", "city": city, "representative": "R. Roe"}
            for n, name, city in (("1", "张伟", "Ulm"), ("2", "李娜", "Ulm"), ("3", "王芳", "Bonn"))]  # fmt: skip
    # A second version of an outlet is no second outlet.
    assert occur(Outlets, *rows, rows[2]) == {"kind": " Occur: specialty.", "city": " Occur: Ulm."}


def test_of_a_column_with_many_values_none_is_listed(occur):
    names = [*map(str, range(MOST_LISTED)), "0", "0"]
    assert "city" in occur(Outlets, *({"outlet": str(n), "city": city} for n, city in enumerate(names)))
    names.append("new")
    assert occur(Outlets, *({"outlet": str(n), "city": city} for n, city in enumerate(names))) == {}
