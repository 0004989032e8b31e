"""What a customer likes: categories, series, brands, sizes."""

from specification import Scene, spec

from features.customers.categories import Brands, Categories, Series, StyleWords
from features.customers.preference import Preference
from features.customers.sizes import Sizes
from quanyu.model.trade import OrderLines, Orders, Products

GOODS = {
    Products: """
        sku | category | series | style | brand | size | colour | launched_on
        c1  | 外套     | 晨雾   | s1    | A     | XL   | red    | 2024-05-20
        c2  | 外套     | 晨雾   | s2    | A     | XL   | red    | 2024-05-20
        c3  | 外套     | 晨雾   | s2    | A     | L    | blue   | 2023-01-01
        t1  | 裤子     | 山行   | s3    | B     | 32   | blue   | 2023-01-01
        h1  | 灯       |        | s4    |       |      |        |
    """,
    OrderLines: """
        customer | ordered_at | sku | amount
        ann      | 2024-06-01 | c1  | 60
        ann      | 2024-06-02 | c2  | 20
        ann      | 2024-06-11 | t1  | 20
        bob      | 2024-06-01 | c2  | 10
        bob      | 2024-06-03 | c3  | 10
        cat      | 2024-06-01 | h1  | 10
        dan      | 2024-06-01 | c1  | 10
        dan      | 2024-06-02 | t1  | 10
        dan      | 2024-06-21 | h1  | 10
    """,
}

test_spending_by_category = spec(
    Categories,
    as_of="2024-07-01",
    given=GOODS,
    expect={
        "ann": dict(favourite="外套", favourite_share=0.8, lines=3, bought=["外套", "裤子"], days_since_third=None),
        "cat": dict(favourite="灯", favourite_share=1, bought=["灯"]),
        "dan": dict(days_since_third=10),
        "eve": dict(favourite=None, favourite_share=None, lines=0, bought=None, days_since_third=None),
    },
)
test_categories_of_all_time = spec(
    Preference,
    as_of="2026-07-01",
    given=GOODS,
    expect={
        "ann": dict(categories_ever=2),
        "bob": dict(categories_ever=1),
        "dan": dict(categories_ever=3),
        "eve": dict(categories_ever=0),
    },
)
test_a_series_is_begun_with_two_styles_of_it = spec(
    Series,
    as_of="2024-07-01",
    given=GOODS,
    expect={
        "ann": dict(begun=["晨雾"], latest_begun="晨雾", favourite="晨雾", favourite_share=0.8),
        # The same style in two sizes.
        "bob": dict(begun=None, latest_begun=None, favourite="晨雾", favourite_share=1),
        "cat": dict(begun=None, latest_begun=None, favourite=None, favourite_share=None),
    },
)
test_spending_by_brand = spec(
    Brands,
    as_of="2024-07-01",
    given=GOODS,
    expect={
        "ann": dict(favourite="A", favourite_share=0.8, lines=3),
        # The brand of a lamp is not known.
        "cat": dict(favourite=None, favourite_share=None, lines=0),
    },
)
test_sizes_by_category = spec(
    Sizes,
    as_of="2024-07-01",
    given=GOODS,
    expect={
        "ann": dict(usual="XL", bought=["外套 XL", "裤子 32"], sizes=2),
        "bob": dict(usual="L", bought=["外套 L", "外套 XL"], sizes=2),
        "cat": dict(usual=None, bought=None, sizes=0),
    },
)
STYLED = {
    Products: """
        sku | style_words
        c1  | 法式、通勤
        c2  | 通勤、通勤
        t1  | 复古
        h1  |
    """,
    OrderLines: """
        customer | ordered_at | sku | kind
        ann      | 2024-06-01 | c1  | sale
        ann      | 2024-06-02 | c2  | sale
        ann      | 2024-06-03 | t1  | sale
        ann      | 2024-06-04 | h1  | sale
        ann      | 2024-06-05 | t1  | return
        ann      | 2023-06-05 | t1  | sale
        bob      | 2024-06-01 | t1  | sale
        cat      | 2024-06-01 | h1  | sale
    """,
}
test_a_line_counts_for_each_style_word_of_its_item = spec(
    StyleWords,
    as_of="2024-07-01",
    given=STYLED,
    expect={
        "ann": dict(favourite="通勤", favourite_lines=2),
        "bob": dict(favourite="复古", favourite_lines=1),
        "cat": dict(favourite=None, favourite_lines=0),
    },
)
test_lines_with_style_words = spec(
    Preference,
    as_of="2024-07-01",
    given=STYLED,
    expect={"ann": dict(styled_lines=3), "bob": dict(styled_lines=1), "cat": dict(styled_lines=0)},
)
test_the_style_of_a_customer = spec(
    Scene("taste"),
    as_of="2024-07-01",
    given=STYLED,
    expect={
        "ann": dict(style_share=2 / 3, style="通勤"),
        # One line is no style.
        "bob": dict(style_share=1, style=None),
        "cat": dict(style_share=None, style=None),
    },
)
test_colours_and_news = spec(
    Preference,
    as_of="2024-07-01",
    given=GOODS,
    expect={
        "ann": dict(favourite_colour="red", dated_lines=3, new_share=2 / 3),
        "bob": dict(favourite_colour="blue", dated_lines=2, new_share=0.5),
        "cat": dict(favourite_colour=None, dated_lines=0, new_share=None),
    },
)
test_tastes = spec(
    Scene("taste"),
    as_of="2024-07-01",
    given={
        Products: """
            sku | category | series | style | brand | launched_on
            c1  | 外套     | 晨雾   | s1    | A     | 2024-05-20
            c2  | 外套     | 晨雾   | s2    | A     | 2024-05-20
            c3  | 外套     | 晨雾   | s3    | A     | 2024-05-20
            c4  | 外套     | 晨雾   | s4    | A     | 2023-05-20
            t1  | 裤子     | 山行   | s5    | B     | 2023-05-20
            u1  |          |        |       |       |
            u2  |          |        |       |       |
            u3  |          |        |       |       |
        """,
        Orders: """
            customer | ordered_at
            ann      | 2024-06-01
            ann      | 2024-06-02
            ann      | 2024-06-03
            bob      | 2024-06-01
            cat      | 2024-06-01
            cat      | 2024-06-02
            cat      | 2024-06-03
        """,
        OrderLines: """
            customer | ordered_at | sku | amount
            ann      | 2024-06-01 | c1  | 10
            ann      | 2024-06-02 | c2  | 10
            ann      | 2024-06-02 | c3  | 10
            ann      | 2024-06-03 | c4  | 10
            bob      | 2024-06-01 | t1  | 10
            cat      | 2024-06-01 | c1  | 10
            cat      | 2024-06-02 | u1  | 10
            cat      | 2024-06-03 | u1  | 10
            dan      | 2024-06-01 | c1  | 10
            dan      | 2024-06-01 | u1  | 10
            dan      | 2024-06-01 | u2  | 10
            dan      | 2024-06-01 | u3  | 10
        """,
    },
    expect={
        # Of three orders, the category and the brand of one are known.
        "cat": dict(category_devoted=False, brand_loyal=False),
        "ann": dict(category_devoted=True, novelty_seeker=True, collector=True, brand_loyal=True),
        "bob": dict(category_devoted=False, novelty_seeker=False, collector=False, brand_loyal=False),
        # Of one of four items it is known when it was new.
        "dan": dict(novelty_seeker=False),
        "nobody": dict(category_devoted=False, novelty_seeker=False, collector=False, brand_loyal=False),
    },
)
