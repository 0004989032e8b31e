"""At which prices a customer buys, what he sends back, and what he is worth."""

from specification import Scene, spec

from features.customers.deals import Deals
from features.customers.refunds import Refunds
from quanyu.model.trade import OrderLines, Orders, Products

LINES = {
    OrderLines: """
        customer | ordered_at | kind   | status    | sku | quantity | amount | discount | promotion
        ann      | 2024-06-01 | sale   | paid      | c1  | 2        | 80     | 20       | 618
        ann      | 2024-06-02 | sale   | paid      | c1  | 1        | 50     | 0        |
        ann      | 2024-06-03 | sale   | paid      | x   | 1        | 70     | 0        |
        ann      | 2024-06-04 | return | paid      | c1  | -1       | -40    | -10      | 618
        ann      | 2024-06-05 | sale   | cancelled | c1  | 9        | 900    |          |
        bob      | 2024-06-01 | sale   | paid      | c1  | 1        | 20     |          |
        dan      | 2024-06-01 | sale   | paid      | x   | 1        | 30     |          |
        dan      | 2024-06-02 | sale   | paid      | x   | 1        | 30     | 10       | 618
    """,
    Products: "sku | cost\nc1 | 25.5\nx | ",
}

test_discount_and_margin_of_purchases = spec(
    Deals,
    as_of="2024-07-01",
    given=LINES,
    expect={
        # Of 220 in tags, 20 were taken off; 130 of what was paid has a known cost of 76.50.
        "ann": dict(discount=20, discount_share=20 / 220, promotion_share=1 / 3, margin=53.5, margin_rate=53.5 / 130),
        "bob": dict(discount=None, discount_share=None, promotion_share=None, margin=-5.5, margin_rate=-5.5 / 20),
        "cat": dict(discount=0, discount_share=None, promotion_share=None, margin=0, margin_rate=None),
        # What is known of one line says nothing of the other; the cost of neither is known.
        "dan": dict(discount=10, discount_share=0.25, promotion_share=1, margin=None, margin_rate=None),
    },
)

test_the_return_rate_is_of_pieces_bought = spec(
    Refunds,
    as_of="2024-07-01",
    given=LINES,
    expect={
        "ann": dict(pieces=1, rate=0.25, amount=40),
        "bob": dict(pieces=0, rate=0, amount=0),
        "cat": dict(pieces=0, rate=None, amount=0),
    },
)

test_who_buys_at_which_price = spec(
    Scene("price"),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            deal     | 2024-06-01
            deal     | 2024-06-02
            deal     | 2024-06-03
            full     | 2024-06-01
            full     | 2024-06-02
            twice    | 2024-06-01
            twice    | 2024-06-02
            silent   | 2024-06-01
            silent   | 2024-06-02
        """,
        OrderLines: """
            customer | ordered_at | sku | quantity | amount | discount | promotion
            deal     | 2024-06-01 | c1  | 1        | 20     | 5        | 618
            deal     | 2024-06-02 | c1  | 1        | 20     | 0        |
            full     | 2024-06-01 | c1  | 1        | 90     | 1        |
            twice    | 2024-06-01 | c1  | 1        | 40     | 9        | 618
            silent   | 2024-06-01 | c1  |          | 40     |          |
        """,
        Products: "sku | cost\nc1 | 25",
    },
    expect={
        "deal": dict(band="budget", deal_hunter=True, full_price=False, unprofitable=True),
        "twice": dict(band="middle", deal_hunter=False, full_price=False, unprofitable=False),
        "full": dict(band="premium", deal_hunter=False, full_price=True, unprofitable=False),
        # Nobody said what was taken off.
        "silent": dict(deal_hunter=False, full_price=False),
        "none": dict(band=None, deal_hunter=False, full_price=False, unprofitable=False),
    },
)

test_tiers_and_trends_of_spending = spec(
    Scene("tier"),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            ann      | 2024-06-01 | 450
            ann      | 2024-02-01 | 100
            bob      | 2024-06-01 | 100
            bob      | 2024-02-01 | 7900
            cat      | 2024-06-01 | 499.99
        """
    },
    expect={
        "ann": dict(level="silver", trend=4.5, growing=True),
        "bob": dict(level="diamond", trend=100 / 7900, growing=False),
        "cat": dict(level="standard", trend=None, growing=False),
    },
)
