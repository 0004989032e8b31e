"""Tables describe themselves, and wrong declarations are refused."""

import pytest

from quanyu.errors import ConfigError
from quanyu.grammar.table import Column, Table
from quanyu.model.trade import OrderLines, Orders


def test_a_table_is_named_by_its_class_and_knows_its_columns():
    assert (OrderLines.name, OrderLines.keys, OrderLines.identity()) == (
        "order_lines", ("order_id", "line"), ("source", "order_id", "line"),
    )  # fmt: skip
    assert list(Orders.schema())[:3] == ["source", "person_key", "order_id"]
    assert list(Orders.schema())[-3:] == ["feed_day", "recorded_on", "replaced_on"]


def test_a_gold_table_has_only_declared_columns():
    class Totals(Table):
        """One total."""

        layer, keys = "gold", ("customer_id",)
        customer_id = Column("string", "Who.", required=True)

    assert list(Totals.schema()) == ["customer_id"]
    assert Totals.identity() == ("customer_id",)


@pytest.mark.parametrize(
    ("column", "sql", "words"),
    [
        (Column("string", "A.", values=("a", "b")), "x in ('a', 'b')", "x must be one of a, b"),
        (Column("int", "A.", at_least=0), "x >= 0", "x must be at least 0"),
        (Column("int", "A.", at_least=0, at_most=1), "x >= 0 and x <= 1", "x must be at least 0 and at most 1"),
    ],
)
def test_a_constraint_has_sql_and_a_message(column, sql, words):
    assert (column.constraint("x"), column.broken("x")) == (sql, words)


def test_a_column_without_constraints_accepts_anything():
    assert Column("string", "A.").constraint("x") is None
    assert Column("int", "Pieces.", unit="pieces").comment == "Pieces. Unit: pieces."


def test_every_mistake_is_reported_at_once():
    body = {
        "keys": ("order_id",), "event_time": "orderd_at", "newest_by": "changed_at",
        "ordered_at": Column("timestmp", "When."), "Amount": Column("int", ""),
    }  # fmt: skip
    with pytest.raises(ConfigError) as error:
        type("Faulty", (Table,), body)
    message = str(error.value)
    for words in (
        "test_table.py: Faulty: needs a docstring that says what one row is",
        "Faulty.layer: is missing: silver or gold",
        "Faulty.ordered_at: type 'timestmp' is not allowed",
        "Faulty.Amount: names are lower case letters",
        "Faulty.Amount: needs a text that says what it means",
        "Faulty.keys: unknown column 'order_id'; did you mean 'ordered_at'?",
        "Faulty.event_time: unknown column 'orderd_at'; did you mean 'ordered_at'?",
        "Faulty.newest_by: is now called sequence_by",
    ):
        assert words in message, words


def test_the_definition_follows_what_is_declared():
    def made(**more):
        columns = {"a": Column("string", "A.", **more)}
        return type("Things", (Table,), {"__doc__": "One thing.", "layer": "gold", "keys": ("a",), **columns})

    assert made().definition() == made().definition() != made(required=True).definition()
    assert made(category="health").definition() == made().definition()
