"""Which kind of shoppers buy a product or a style, as of a day."""

from collections.abc import Iterable

from specification import Scene, spec

from features.product_buyers import ProductBuyers, StyleBuyers
from quanyu.model.entities import Product, Style
from quanyu.model.touch import Events, ItemBuyers
from quanyu.model.trade import OrderLines, Products

# Ann buys what she has just seen, bob after having looked at five others for two weeks; of cat nothing is known.
SHOPPERS = {
    Products: """
        sku | style | category
        a   | s     | coats
        b   | s     | coats
        c   | c     | coats
        d   | d     | coats
        e   | e     | coats
        f   | f     | coats
        g   | g     | coats
        h   | h     | coats
    """,
    Events: """
        customer | at                  | kind | sku
        ann      | 2024-06-10 09:30:00 | view | a
        bob      | 2024-05-20 09:00:00 | view | a
        bob      | 2024-05-21 09:00:00 | view | c
        bob      | 2024-05-22 09:00:00 | view | d
        bob      | 2024-05-23 09:00:00 | view | e
        bob      | 2024-05-24 09:00:00 | view | f
        bob      | 2024-05-25 09:00:00 | view | g
    """,
    OrderLines: """
        customer | order_id | line | ordered_at          | kind | sku | status    | discount
        ann      | 1        | 1    | 2024-06-10 10:00:00 | sale | a   | paid      | 0
        ann      | 1        | 2    | 2024-06-10 10:00:00 | sale | b   | paid      | 0
        bob      | 2        | 1    | 2024-06-10 10:00:00 | sale | a   | paid      | 0
        cat      | 3        | 1    | 2024-06-10 10:00:00 | sale | a   | paid      | 0
        cat      | 4        | 1    | 2024-06-10 10:00:00 | sale | h   | paid      | 0
        cat      | 5        | 1    | 2024-06-10 10:00:00 | sale | g   | cancelled | 0
        cat      | 6        | 1    | 2023-01-10 10:00:00 | sale | f   | paid      | 0
    """,
}

test_buyers_are_of_the_kind_that_they_are_on_the_day = spec(
    ItemBuyers,
    as_of="2024-07-01",
    given=SHOPPERS,
    expect="""
        customer | sku | bought_at           | shopper
        ann      | a   | 2024-06-10 10:00:00 | impulsive
        ann      | b   | 2024-06-10 10:00:00 | impulsive
        bob      | a   | 2024-06-10 10:00:00 | rational
        cat      | a   | 2024-06-10 10:00:00 | null
        cat      | h   | 2024-06-10 10:00:00 | null
        cat      | f   | 2023-01-10 10:00:00 | null
    """,
)

test_shares_are_of_the_buyers_whose_kind_is_known = spec(
    ProductBuyers,
    as_of="2024-07-01",
    given=SHOPPERS,
    expect={
        "a": dict(buyers=3, classified=2, impulsive_share=0.5, rational_share=0.5),
        "b": dict(buyers=1, classified=1, impulsive_share=1, rational_share=0),
        "h": dict(buyers=1, classified=0, impulsive_share=None, rational_share=None),
        # Bought too long ago.
        "f": dict(buyers=0, classified=0, impulsive_share=None, rational_share=None),
    },
)
test_who_bought_two_items_of_a_style_is_one_buyer = spec(
    StyleBuyers,
    as_of="2024-07-01",
    given=SHOPPERS,
    expect={
        "s": dict(buyers=3, classified=2, impulsive_share=0.5, rational_share=0.5),
        "h": dict(buyers=1, classified=0, impulsive_share=None, rational_share=None),
    },
)
test_before_they_bought_they_were_of_no_kind = spec(
    ProductBuyers,
    as_of="2024-06-09",
    given=SHOPPERS,
    expect={"a": dict(buyers=0, classified=0), "f": dict(buyers=0, classified=0)},
)

FAST, SLOW = [f"fast{n}" for n in range(10)], [f"slow{n}" for n in range(10)]
BOUGHT = {"hot": FAST[:6] + SLOW[:4], "calm": FAST[:1] + SLOW[:9], "both": FAST[:5] + SLOW[:5], "few": FAST[:9]}
OTHERS = ("c", "d", "e", "f", "g")


def table(header: str, rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join([header, *(" | ".join(row) for row in rows)])


MANY = {
    Products: table("sku | style | category", [(sku, sku, "coats") for sku in (*BOUGHT, *OTHERS)]),
    Events: table(
        "customer | at | kind | sku",
        [(person, "2024-06-10 09:30:00", "view", sku) for sku in BOUGHT for person in FAST]
        + [(person, "2024-05-20 09:00:00", "view", sku) for sku in (*BOUGHT, *OTHERS) for person in SLOW],
    ),
    OrderLines: table(
        "customer | order_id | ordered_at | sku | discount",
        [(person, f"{person}-{sku}", "2024-06-10 10:00:00", sku, "0") for sku in BOUGHT for person in BOUGHT[sku]],
    ),
}

test_an_item_appeals_to_the_kind_of_most_of_its_buyers = spec(
    Scene("product_appeal", Product),
    as_of="2024-07-01",
    given=MANY,
    expect={
        "hot": dict(appeals_to="impulsive"),
        "calm": dict(appeals_to="rational"),
        "both": dict(appeals_to="mixed"),
        # Nine buyers are too few to say.
        "few": dict(appeals_to=None),
    },
)
test_a_style_appeals_to_the_kind_of_most_of_its_buyers = spec(
    Scene("style_appeal", Style),
    as_of="2024-07-01",
    given=MANY,
    expect={
        "hot": dict(appeals_to="impulsive"),
        "calm": dict(appeals_to="rational"),
        "both": dict(appeals_to="mixed"),
        "few": dict(appeals_to=None),
    },
)
