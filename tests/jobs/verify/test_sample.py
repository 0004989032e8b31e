"""A sample of stored profiles is computed again from facts, whatever was recorded since."""

from datetime import date

import pytest
import typer
from histories import CORRECTED, PRODUCTS
from shop import Retailer, template
from typer.testing import CliRunner

from jobs.verify import commands
from quanyu.errors import ConfigError
from quanyu.model.entities import Product

INGESTED = ("ingest.products", "ingest.receipts", "identities")
TAG = """
describes: What stands on the shelf.
entity: product
owner: merchandise
tags:
  sold_well: {when: product_sales.pieces > 1, means: More than one piece was sold.}
"""
APP = typer.Typer()
commands.add(APP)
FIRST, LATER = date(2024, 3, 1), date(2024, 3, 5)


def receipts(*skus):
    rows = (f"s{n},M{n},,2024-03-01 10:00:00,{sku},5.00" for n, sku in enumerate(skus))
    return "\n".join(["slip,card,phone,at,sku,paid", *rows]) + "\n"


def run(shop, day):
    views = shop.context(str(day)).catalogue.views_of(Product)
    shop.run(str(day), *INGESTED, *(view.step() for view in views), "profile.product")


def _two_days(folder):
    """Profiles of a day, then a later day on which the earlier receipts are corrected and products change."""
    shop = Retailer(folder)
    shop.declare("sources/receipts.yml", CORRECTED)
    shop.declare("sources/products.yml", PRODUCTS)
    shop.declare("tags/shelf.yml", TAG)
    shop.land(f"products/{FIRST}.csv", "sku,category\nA0,home\nA1,home\nA2,drinks\n")
    shop.land(f"receipts/{FIRST}.csv", receipts("A0", "A0", "A1"))
    run(shop, FIRST)
    shop.land(f"products/{LATER}.csv", "sku,category\nA0,drinks\nA1,home\n")
    shop.land(f"receipts/{FIRST}.csv", receipts("A1", "A1", "A1"))
    run(shop, LATER)
    shop.close()


@pytest.fixture(scope="module")
def shop():
    shop = Retailer.at(template("verify_sample", _two_days))
    yield shop
    shop.close()


def verify(shop, day, number=200):
    command = ["verify", "--day", str(day), "--sample", str(number), "--conf", str(shop.conf), "--home", str(shop.home)]
    return CliRunner().invoke(APP, command)


def test_old_profiles_are_what_facts_of_their_day_give(shop):
    for day, number, count in ((FIRST, 200, "3 products"), (FIRST, 2, "2 products"), (LATER, 200, "2 products")):
        result = verify(shop, day, number)
        assert (result.exit_code, result.output.count("all as computed from facts")) == (0, 1), result.output
        assert result.output.startswith(count)


def test_a_definition_that_has_changed_since_is_named(shop, tmp_path):
    shop = shop.copy(tmp_path)
    shop.declare("tags/shelf.yml", TAG.replace("> 1,", "> 2,"))
    result = verify(shop, FIRST)
    assert result.exit_code == 1
    assert "shelf.sold_well differs for 1: " in result.output


def test_a_day_without_profiles_is_an_error(shop):
    assert isinstance(verify(shop, date(2024, 3, 2)).exception, ConfigError)
