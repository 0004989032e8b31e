"""What is sold of items and styles, what there is of them, and what people say of them."""

from specification import Scene, spec

from features.product_sales import ProductPrices, ProductReturns, ProductSales
from features.product_supply import ProductReviews, ProductStock
from features.styles import StyleDemand, StyleStock
from quanyu.model.entities import Product, Style
from quanyu.model.knowledge import Reviews
from quanyu.model.supply import Stock
from quanyu.model.trade import OrderLines, Products

TWO = "sku\ntea\nnut\nfig"
LINES = """
    ordered_at | sku | kind   | status | quantity | amount | discount | promotion
    2024-06-30 | tea | sale   | paid   | 2        | 40     | 10       | 618
    2024-05-02 | tea | sale   | paid   | 2        | 50     | 0        |
    2024-06-30 | tea | return | paid   | -1       | -20    | -5       | 618
    2020-01-01 | tea | sale   | paid   | 3        | 60     |          |
    2024-06-30 | fig | sale   | paid   | 2        | 40     |          |
"""

test_pieces_of_a_quarter_and_of_all_time = spec(
    ProductSales, as_of="2024-07-01", given={Products: TWO, OrderLines: LINES},
    expect={"tea": dict(pieces_90d=4, pieces_ever=7), "nut": dict(pieces_90d=0, pieces_ever=0)},
)  # fmt: skip
test_prices_at_which_an_item_sells = spec(
    ProductPrices, as_of="2024-07-01", given={Products: TWO, OrderLines: LINES},
    expect={
        "tea": dict(price=22.5, discount_share=0.1, promotion_share=0.5),
        "nut": dict(price=None, discount_share=None, promotion_share=None),
        "fig": dict(price=20, discount_share=None, promotion_share=None),
    },
)  # fmt: skip
test_what_comes_back_of_an_item = spec(
    ProductReturns, as_of="2024-07-01", given={Products: TWO, OrderLines: LINES},
    expect={"tea": dict(return_rate=0.25), "nut": dict(return_rate=None)},
)  # fmt: skip
test_what_there_is_of_an_item = spec(
    ProductStock,
    as_of="2024-07-01",
    given={
        Products: TWO,
        Stock: """
            place | sku | on_hand | on_the_way
            W01   | tea | 10      | 5
            north | tea | 2       |
            south | tea | 0       |
            east  | tea | -1      |
        """,
    },
    # A count below nothing is a mistake in the books, and no stock.
    expect={"tea": dict(on_hand=12, on_the_way=5, places=2), "nut": dict(on_hand=0, on_the_way=0, places=0)},
)
test_what_people_say_of_an_item = spec(
    ProductReviews,
    as_of="2024-07-01",
    given={
        Products: TWO,
        Reviews: """
            sku | at         | stars
            tea | 2024-06-01 | 5
            tea | 2024-06-02 | 2
            tea | 2023-06-02 | 1
            tea | 2024-06-03 |
        """,
    },
    expect={
        "tea": dict(reviews=3, rated=2, stars=3.5, bad_share=0.5),
        "nut": dict(reviews=0, rated=0, stars=None, bad_share=None),
    },
)
test_reviews_without_stars_say_neither_good_nor_bad_of_an_item = spec(
    Scene("assortment", Product),
    as_of="2024-07-01",
    given={
        Products: "sku\ntea\nnut\nfig\nyam",
        Reviews: "sku | at | stars\n"
        + "tea | 2024-06-01 |\n" * 9
        + "tea | 2024-06-01 | 5\n"
        + "nut | 2024-06-01 |\n" * 4
        + "nut | 2024-06-01 | 1\n"
        + "fig | 2024-06-01 | 5\n" * 10
        + "yam | 2024-06-01 | 1\n" * 5,
    },
    expect={
        "tea": dict(praised=False, disliked=False),
        "nut": dict(praised=False, disliked=False),
        "fig": dict(praised=True, disliked=False),
        "yam": dict(praised=False, disliked=True),
    },
)
test_how_items_sell_against_what_there_is = spec(
    Scene("assortment", Product),
    as_of="2024-07-01",
    given={
        Products: """
            sku   | category | list_price | launched_on
            hit   | coats    | 300        | 2024-06-11
            good  | coats    | 200        | 2024-01-01
            dead  | coats    | 100        | 2023-01-01
            hat   | hats     | 20         | 2024-04-12
            plan  |          | 10         | 2024-08-01
        """,
        OrderLines: """
            ordered_at | sku  | kind   | quantity | amount | discount | promotion
            2024-06-30 | hit  | sale   | 30       | 30     | 30       | 618
            2024-06-30 | good | sale   | 3        | 3      |          |
            2024-05-01 | good | sale   | 16       | 16     |          |
            2024-06-30 | hat  | sale   | 3        | 3      |          |
            2024-06-30 | hat  | return | -1       | -1     |          |
        """,
        Stock: """
            place | sku  | on_hand | on_the_way
            W01   | hit  | 10      | 0
            W01   | good | 97      | 0
            W01   | dead | 5       | 0
            W01   | hat  | 7       | 0
        """,
        Reviews: "sku | at | stars\ndead | 2024-06-01 | 1\n"
        + "dead | 2024-06-01 | 5\n" * 4
        + "hit | 2024-06-20 | 5\n" * 10,
    },
    expect={
        "hit": dict(sell_through=0.75, weeks_of_cover=10 / 7, days_on_sale=20, novelty="new", price_band="high",
                    sales_band="3", bestseller=False, slow_mover=False, overstocked=False, running_out=True,
                    disliked=False, cooling=False, praised=True, sold_by_price=True),
        "good": dict(sell_through=19 / 116, weeks_of_cover=97 * 10 / 7, days_on_sale=182, novelty="settled",
                     price_band="middle", sales_band="1", overstocked=True, running_out=False, cooling=True,
                     praised=False, sold_by_price=False),
        "dead": dict(sell_through=0, weeks_of_cover=None, novelty="old", price_band="low", sales_band=None,
                     slow_mover=True, overstocked=True, disliked=False),
        # Alone in its category, so that nothing is below it.
        "hat": dict(novelty="current", price_band="low", sales_band="1", disliked=True),
        "plan": dict(sell_through=None, days_on_sale=None, novelty=None, price_band=None, slow_mover=False,
                     overstocked=False, running_out=False),
    },
)  # fmt: skip
test_the_best_fifth_of_a_category_with_ten_pieces_is_a_bestseller = spec(
    Scene("assortment", Product),
    as_of="2024-07-01",
    given={
        Products: "sku | category\n" + "\n".join(f"{n} | coats" for n in range(1, 6)),
        OrderLines: "\n".join(["ordered_at | sku | quantity", *(f"2024-06-30 | {n} | {n + 6}" for n in range(1, 6))]),
    },
    expect={"5": dict(bestseller=True, sales_band="5"), "4": dict(bestseller=False, sales_band="4")},
)

STYLES = """
    sku | style | size
    s-s | shirt | S
    s-m | shirt | M
    s-l | shirt | L
    t-m | skirt | L
    b   |       |
"""
SIZES_BOUGHT = """
    ordered_at | sku | quantity
    2024-06-01 | s-s | 2
    2024-06-01 | s-m | 5
    2024-06-02 | s-l | 1
    2024-06-02 | s-l | 2
    2024-06-02 | t-m | 1
    2024-06-02 | b   | 9
"""
test_the_sizes_in_which_a_style_is_bought = spec(
    StyleDemand, as_of="2024-07-01", given={Products: STYLES, OrderLines: SIZES_BOUGHT},
    expect={
        "shirt": dict(pieces=10, sizes=["L", "M", "S"], core_size="M", core_share=0.5),
        "skirt": dict(pieces=1, sizes=None, core_size="L", core_share=1),
    },
)  # fmt: skip
test_the_sizes_in_which_a_style_is_in_stock = spec(
    StyleStock,
    as_of="2024-07-01",
    given={Products: STYLES, Stock: "place | sku | on_hand\nW01 | s-s | 3\nnorth | s-l | 1\nW01 | s-m | 0"},
    expect={"shirt": dict(on_hand=4, sizes=["L", "S"]), "skirt": dict(on_hand=0, sizes=None)},
)
test_a_style_is_broken_without_the_sizes_that_its_buyers_take = spec(
    Scene("size_curve", Style),
    as_of="2024-07-01",
    given={
        Products: STYLES + "    c-s | coat  | S\n    c-m | coat  | M\n",
        OrderLines: SIZES_BOUGHT + "    2024-06-01 | c-s | 2\n    2024-06-01 | c-m | 3\n",
        Stock: "place | sku | on_hand\nW01 | s-s | 3\nnorth | s-l | 1\nW01 | s-m | 0\nW01 | c-m | 1\nW01 | c-s | 1",
    },
    expect={
        "shirt": dict(missing=["M"], gap=1 / 3, core_missing=True, broken=True, sold_out=False),
        "coat": dict(missing=[], gap=0, core_missing=False, broken=False, sold_out=False),
        "skirt": dict(missing=None, gap=None, core_missing=False, broken=False, sold_out=True),
    },
)
