"""Sail resolves no lambda function in a condition that it hands down to the scan of a Delta table."""

from __future__ import annotations

import contextlib

import pytest
from shop import Retailer, template
from small_day import MOMENTS, SECOND, lived

from quanyu.engine.filtered import rows_where


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The small shop after its second day."""
    return Retailer.at(template("small_day", lived) / str(len(MOMENTS))).copy(tmp_path_factory.mktemp("shop"))


@pytest.mark.parametrize(
    "condition",
    [
        "exists(consents, one -> one like '{part}%')",
        "coalesce(exists(consents, one -> one like '{part}%'), false)",
        "size(filter(consents, one -> one like '{part}%')) > 0",
        "size(consents) > 0 and consents[0] like '{part}%'",
    ],
)
def test_rows_of_a_table_are_chosen_by_a_lambda_function(shop, condition):
    table = dict(shop.rows("gold/customers", "customer_id", "consents"))
    part = min(consent for consents in table.values() for consent in consents or ())
    expected = {key for key, consents in table.items() if part in (consents or ())}
    with contextlib.closing(shop.context(SECOND)) as context:
        rows = context.lake.table(context.catalogue.tables["customers"])
        chosen = rows_where(rows, condition.format(part=part)).select("customer_id", "consents")
        assert {row["customer_id"] for row in chosen.collect()} == expected
    assert expected and len(expected) < len(table)
