"""Preference: what a customer buys, by product and category."""

from specification import spec

from features.customers.preference import Preference
from quanyu.model.trade import OrderLines, Orders, Products

PRODUCTS = """
    sku   | category
    lamp  | home
    sofa  | home
    boot  | shoes
    shirt | tops
    skirt | skirts
"""

test_products_and_categories_are_counted_once_each = spec(
    Preference,
    as_of="2024-07-01",
    given={
        Products: PRODUCTS,
        OrderLines: """
            customer | ordered_at | sku
            ann      | 2024-06-01 | lamp
            ann      | 2024-06-02 | lamp
            ann      | 2024-06-03 | sofa
            ann      | 2024-06-03 | boot
        """,
    },
    expect={"ann": dict(products=3, categories=2)},
)

test_products_have_windows_of_90_and_365_days = spec(
    Preference,
    as_of="2024-07-01",
    given={
        Products: PRODUCTS,
        OrderLines: """
            customer | ordered_at              | sku
            ann      | 2024-07-01 23:59:59.999 | lamp
            ann      | 2024-04-03 00:00:00     | sofa
            ann      | 2024-04-02 23:59:59.999 | boot
            ann      | 2023-07-03 00:00:00     | shirt
            ann      | 2023-07-02 23:59:59.999 | skirt
        """,
    },
    expect={"ann": dict(products_90d=2, products=4, categories=3)},
)

test_pieces_bought_are_those_of_the_lines_of_a_year = spec(
    Preference,
    as_of="2024-07-01",
    given={
        # The header of an order need not say its pieces.
        Orders: """
            customer | ordered_at | amount | pieces
            ann      | 2024-06-01 | 100    |
        """,
        OrderLines: """
            customer | ordered_at              | kind | status    | quantity
            ann      | 2024-07-01 23:59:59.999 | sale | paid      | 1
            ann      | 2023-07-03 00:00:00     | sale | paid      | 2
            ann      | 2023-07-02 23:59:59.999 | sale | paid      | 40
            ann      | 2024-06-01 00:00:00     | sale | cancelled | 5
            bob      | 2024-06-01 00:00:00     | sale | paid      | null
        """,
    },
    expect={"ann": dict(pieces=3), "bob": dict(pieces=None, products=1), "cat": dict(pieces=0)},
)

test_pieces_that_are_too_many_to_add_up_are_not_known_of_that_customer_alone = spec(
    Preference,
    as_of="2024-07-01",
    given={
        OrderLines: """
            customer | ordered_at | quantity
            ann      | 2024-06-01 | 9000000000000000000
            ann      | 2024-06-02 | 9000000000000000000
            bob      | 2024-06-01 | 1
        """
    },
    expect={"ann": dict(pieces=None), "bob": dict(pieces=1)},
)

test_the_favourite_category_is_the_one_with_the_most_lines = spec(
    Preference,
    as_of="2024-07-01",
    given={
        Products: PRODUCTS,
        OrderLines: """
            customer | ordered_at | sku
            ann      | 2024-06-01 | lamp
            ann      | 2024-06-02 | sofa
            ann      | 2024-06-03 | boot
        """,
    },
    expect={"ann": dict(favourite_category="home")},
)

test_of_two_favourites_the_one_that_comes_first_by_name_is_the_favourite = spec(
    Preference,
    as_of="2024-07-01",
    given={
        Products: PRODUCTS,
        OrderLines: """
            customer | ordered_at | sku
            ann      | 2024-06-03 | boot
            ann      | 2024-06-01 | lamp
            bob      | 2024-06-01 | shirt
            bob      | 2024-06-02 | boot
        """,
    },
    expect={"ann": dict(favourite_category="home"), "bob": dict(favourite_category="shoes")},
)

test_what_no_product_list_knows_counts_as_a_product_without_a_category = spec(
    Preference,
    as_of="2024-07-01",
    given={
        Products: """
            sku  | category
            lamp | home
            vase | null
        """,
        OrderLines: """
            customer | ordered_at | sku
            ann      | 2024-06-01 | lamp
            ann      | 2024-06-01 | vase
            ann      | 2024-06-01 | pan
            bob      | 2024-06-01 | pan
        """,
    },
    expect={
        "ann": dict(products=3, categories=1, favourite_category="home"),
        "bob": dict(products=1, categories=0, favourite_category=None),
    },
)

test_a_broad_taste_is_four_categories_within_a_year = spec(
    Preference,
    tags="cross_sell",
    as_of="2024-07-01",
    given={
        Products: PRODUCTS,
        OrderLines: """
            customer | ordered_at | sku
            ann      | 2024-06-01 | lamp
            ann      | 2024-06-01 | boot
            ann      | 2024-06-01 | shirt
            ann      | 2024-06-01 | skirt
            bob      | 2024-06-01 | lamp
            bob      | 2024-06-01 | sofa
            bob      | 2024-06-01 | boot
            bob      | 2024-06-01 | shirt
        """,
    },
    expect={"ann": dict(categories=4, broad_taste=True), "bob": dict(categories=3, broad_taste=False)},
)

test_the_price_of_a_piece_is_what_was_paid_over_the_pieces_of_lines_that_say_both = spec(
    Preference,
    as_of="2024-07-01",
    given={
        OrderLines: """
            customer | ordered_at | amount | quantity | unit_price
            ann      | 2024-06-01 | 100    | 1        | 100
            ann      | 2024-06-02 | 90     | 9        | 10
            bob      | 2024-06-01 | 30     | 2        | null
            bob      | 2024-06-02 | 500    | null     | null
            bob      | 2024-06-02 | null   | 5        | null
            cat      | 2024-06-02 | null   | 1        | null
        """
    },
    # Not the mean of 100 and 10: nine of ten pieces cost 10.
    expect={"ann": dict(unit_price=19), "bob": dict(unit_price=15), "cat": dict(unit_price=None)},
)

test_the_price_of_a_piece_is_not_rounded = spec(
    Preference,
    as_of="2024-07-01",
    given={
        OrderLines: """
                customer | ordered_at | amount | quantity
                ann      | 2024-06-01 | 10.00  | 1
                ann      | 2024-06-02 | 10.01  | 2
            """
    },
    expect={"ann": dict(unit_price=20.01 / 3)},
)

test_only_paid_sales_tell_what_a_customer_likes = spec(
    Preference,
    as_of="2024-07-01",
    given={
        Products: PRODUCTS,
        OrderLines: """
            customer | ordered_at | sku   | kind       | status    | amount | quantity
            ann      | 2024-06-01 | lamp  | sale       | paid      | 10     | 1
            ann      | 2024-06-01 | boot  | return     | paid      | 99     | 1
            ann      | 2024-06-01 | shirt | sale       | cancelled | 99     | 1
            ann      | 2024-06-01 | skirt | sale       | pending   | 99     | 1
            ann      | 2024-06-01 | boot  | adjustment | paid      | 99     | 1
        """,
    },
    expect={"ann": dict(products=1, products_90d=1, categories=1, favourite_category="home", unit_price=10.0)},
)

test_who_never_bought_has_no_preference = spec(
    Preference,
    as_of="2024-07-01",
    tags="cross_sell",
    given={},
    expect={
        "ann": dict(
            products=0,
            products_90d=0,
            categories=0,
            favourite_category=None,
            unit_price=None,
            broad_taste=False,
        )
    },
)

MOVED = {
    Products: """
        sku  | category | recorded_on | replaced_on
        lamp | home     | 2024-01-01  | 2024-06-10
        lamp | outdoor  | 2024-06-10  | null
    """,
    OrderLines: """
        customer | ordered_at | sku
        ann      | 2024-06-01 | lamp
    """,
}

test_a_product_has_the_category_that_was_known_on_the_day = spec(
    Preference, as_of="2024-06-09", given=MOVED, expect={"ann": dict(favourite_category="home", categories=1)}
)

test_a_product_that_moves_to_another_category_takes_its_past_along = spec(
    Preference, as_of="2024-06-10", given=MOVED, expect={"ann": dict(favourite_category="outdoor", categories=1)}
)

test_of_two_sources_that_know_a_product_the_one_that_spoke_last_counts = spec(
    Preference,
    as_of="2024-07-01",
    given={
        Products: """
            source | sku  | category | recorded_on
            erp    | lamp | home     | 2024-01-01
            market | lamp | lights   | 2024-02-01
            erp    | boot | shoes    | 2024-01-01
            market | boot | boots    | 2024-01-01
        """,
        OrderLines: """
            customer | ordered_at | sku
            ann      | 2024-06-01 | lamp
            bob      | 2024-06-01 | boot
        """,
    },
    expect={
        "ann": dict(favourite_category="lights", categories=1, products=1),
        "bob": dict(favourite_category="shoes", categories=1),
    },
)

ENDED = {
    Products: """
        source | sku  | category | recorded_on | replaced_on
        erp    | lamp | home     | 2024-01-01  | 2024-05-01
        erp    | lamp | lights   | 2024-05-01  | 2024-06-20
        erp    | boot | shoes    | 2024-01-01  | 2024-06-20
        market | boot | boots    | 2024-01-01  | null
        erp    | vase | home     | 2024-01-01  | 2024-06-20
        market | vase | glass    | 2024-02-01  | 2024-06-10
        erp    | cap  | hats     | 2024-06-25  | 2024-06-25
    """,
    OrderLines: """
        customer | ordered_at | sku
        ann      | 2024-06-01 | lamp
        bob      | 2024-06-01 | boot
        cat      | 2024-06-01 | vase
        dan      | 2024-06-01 | cap
    """,
}

test_what_is_no_longer_listed_stays_what_it_was_when_it_was_last_known = spec(
    Preference,
    as_of="2024-07-01",
    given=ENDED,
    expect={
        "ann": dict(favourite_category="lights", categories=1),
        "bob": dict(favourite_category="boots", categories=1),
        "cat": dict(favourite_category="home", categories=1),
        "dan": dict(favourite_category=None, categories=0, products=1),
    },
)

test_an_end_that_comes_later_is_not_known_yet = spec(
    Preference,
    as_of="2024-06-15",
    given=ENDED,
    expect={"ann": dict(favourite_category="lights"), "bob": dict(favourite_category="shoes"),
            "cat": dict(favourite_category="home")},
)  # fmt: skip
