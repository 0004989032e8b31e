"""`quanyu table VIEW --day D`: from the table for the day that it stands at, else computed from facts."""

import io
from datetime import date

import pyarrow.csv as csv
import pytest
from rich.console import Console
from shop import small_shop

from features.customers.value import Value
from quanyu.errors import ConfigError
from quanyu.point_in_time import features_on_day

STEPS = ("ingest.crm", "ingest.pos", "ingest.shop", "ingest.consents", "ingest.erp_products", "identities", "customers")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    shop = small_shop(tmp_path_factory.mktemp("shop"))
    shop.run("2024-03-01", *STEPS, "features.value")
    return shop


def shown(shop, *arguments):
    console = Console(width=300, file=io.StringIO(), record=True)
    console.print(features_on_day.rows(shop.settings, *arguments))
    return console.export_text()


def test_the_day_of_the_last_run_comes_from_the_table_and_others_from_facts(shop, tmp_path):
    assert "gold/value as of 2024-03-01, from its table, 5 rows" in shown(shop, "value", None, 5, None)
    earlier = date(2024, 2, 1)
    assert "gold/value as of 2024-02-01, computed from facts" in shown(shop, "gold/value", earlier, 5, None)
    features_on_day.rows(shop.settings, "value", earlier, 0, tmp_path / "then.csv")
    features_on_day.rows(shop.settings, "value", None, 0, tmp_path / "now.csv")
    then, now = (csv.read_csv(tmp_path / name).to_pandas().set_index("customer_id") for name in ("then.csv", "now.csv"))
    assert (now.loc[then.index, "orders_ever"] >= then["orders_ever"]).all()
    assert now["orders_ever"].sum() > then["orders_ever"].sum() > 0


def test_a_view_whose_definition_has_changed_since_its_run_is_computed_anew(shop, tmp_path, monkeypatch):
    features_on_day.rows(shop.settings, "value", None, 0, tmp_path / "before.csv")
    monkeypatch.setattr(Value, "where", "purchase and amount > 1000000")
    words = "gold/value as of 2024-03-01, computed from facts, since its definition has changed since it was run"
    assert words in shown(shop, "value", None, 5, None)
    features_on_day.rows(shop.settings, "value", None, 0, tmp_path / "after.csv")
    before, after = (csv.read_csv(tmp_path / f"{name}.csv")["orders_ever"].to_pylist() for name in ("before", "after"))
    assert sum(before) > 0 == sum(after)


def test_a_profile_is_shown_with_its_tags_and_a_table_is_not(shop):
    assert "retention__lapsed" in shown(shop, "profile_customer", date(2024, 2, 1), 1, None)
    assert features_on_day.rows(shop.settings, "customers", None, 5, None) is None


def test_a_view_that_was_not_computed_asks_for_a_day(shop):
    with pytest.raises(ConfigError, match="recency was not computed yet: run a day, or say as of which day"):
        features_on_day.rows(shop.settings, "recency", None, 5, None)


def test_of_a_day_after_the_last_run_nothing_is_said(shop):
    for name in ("value", "profile_customer"):
        with pytest.raises(
            ConfigError, match="nothing is known of 2024-03-02 yet: the last day that was run is 2024-03-01"
        ):
            features_on_day.rows(shop.settings, name, date(2024, 3, 2), 5, None)
