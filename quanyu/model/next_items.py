"""What a customer buys next: items that go together, lists of items, and the sizes that fit."""

from __future__ import annotations

from quanyu.grammar.table import Column, Table

# What an item is here: sizes and colours of a style are one.
ITEM = "Style of a product, or its item code where it has none."


class Associations(Table):
    """An item and a companion that customers buy with it more often than by chance, in a period and in a later one."""

    layer = "gold"
    keys = ("item", "companion")
    owner = "merchandise"

    item = Column("string", ITEM, required=True)
    companion = Column("string", "What is bought with it: a style, or an item code.", required=True)
    baskets = Column("bigint", "Customers who bought both in the first period.", unit="customers", required=True)
    support = Column("double", "Share of all customers of the first period who bought both.", unit="share",
                     required=True)  # fmt: skip
    confidence = Column("double", "Share of the item's customers of the first period who bought the companion too.",
                        unit="share", required=True)  # fmt: skip
    lift = Column("double", "How many times more customers bought both in the first period than by chance.",
                  unit="times", required=True)  # fmt: skip
    lower = Column("double", "Lower bound of that lift, over all pairs that were looked at.", unit="times",
                   required=True)  # fmt: skip
    later_lift = Column("double", "Lift in the later period.", unit="times", required=True)
    later_lower = Column("double", "Lower bound of the later lift, over the pairs of the first period.", unit="times",
                         required=True)  # fmt: skip
    first_from = Column("date", "First day of the first period, which ends before the later one.", required=True)
    later_from = Column("date", "First day of the later period.", required=True)
    later_until = Column("date", "Last day of the later period: that on which it was fitted.", required=True)


class NextItems(Table):
    """An item on a list of what a customer may buy next."""

    layer = "gold"
    keys = ("customer_id", "list", "rank")
    owner = "merchandise"
    personal = True

    customer_id = Column("string", "The customer.", required=True)
    list = Column("string", "`repeat` are items that he bought before; `new` are others that many bought in the last 30"
                  " days; `neglected` are companions of what he bought that he has not bought.", required=True,
                  values=("repeat", "new", "neglected"))  # fmt: skip
    rank = Column("int", "Place on the list, from 1.", unit="places", required=True, at_least=1)
    item = Column("string", ITEM, required=True)
    score = Column("double", "What the list is in order of: his baskets with a repeated item, later ones more, and its"
                   " share of all; the share of the last 30 days' baskets with a new one; the lower bound of the later"
                   " lift of a neglected one.", unit="unit of the list", required=True)  # fmt: skip
    because = Column("string", "Item of his that a neglected one goes with.")
    as_of = Column("date", "Day at whose end this holds.", required=True)


class SizeFits(Table):
    """The size that fits a customer in a category."""

    layer = "gold"
    keys = ("customer_id", "category")
    owner = "merchandise"
    personal = True

    customer_id = Column("string", "The customer.", required=True)
    category = Column("string", "Category of products with more than one size.", required=True)
    size = Column("string", "Size that fits best.", required=True)
    share = Column("double", "Share of it among the pieces that he kept; of customers alike, the share expected to"
                   " keep it.", unit="share", required=True, at_least=0, at_most=1)  # fmt: skip
    basis = Column("string", "`own` is what he kept; `alike` what customers keep whose sizes in other categories are"
                   " his.", required=True, values=("own", "alike"))  # fmt: skip
    as_of = Column("date", "Day at whose end this holds.", required=True)
