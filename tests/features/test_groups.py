"""Features of groups of rows, such as those of a category."""

from specification import spec

from quanyu.grammar.feature import Feature, FeatureView, Grouping, days
from quanyu.model.entities import Customer
from quanyu.model.trade import OrderLines, Orders, Products


class Categories(FeatureView):
    """What a customer spends by category."""

    entity, owner, over, within = Customer, "growth", OrderLines, days(365)
    where = "kind = 'sale'"
    groups = Grouping({"category": "products.category"}, {"spend": "sum(amount)", "last_at": "max(ordered_at)"})

    favourite = Feature("max_by(category, spend)", "Category with most spent.")
    favourite_share = Feature("max(spend) / sum(spend)", "Its share of all.", type="double")
    categories = Feature("count(*)", "Categories.", unit="categories")
    large = Feature("count_if(spend > 50)", "Categories with more than 50.", unit="categories")
    days_since_new = Feature("datediff(as_of, max(last_at))", "Days since the last.", unit="days")


test_a_feature_aggregates_the_groups_of_the_window = spec(
    Categories,
    as_of="2024-07-01",
    given={
        OrderLines: """
            customer | ordered_at | kind   | sku | amount
            ann      | 2024-06-01 | sale   | c1  | 60
            ann      | 2024-06-02 | sale   | c2  | 30
            ann      | 2024-06-21 | sale   | t1  | 60
            ann      | 2024-06-21 | return | t1  | 900
            ann      | 2023-01-01 | sale   | t1  | 900
            bob      | 2024-06-01 | sale   | x   | 10
        """,
        Products: """
            sku | category
            c1  | coats
            c2  | coats
            t1  | trousers
        """,
    },
    expect={
        "ann": dict(favourite="coats", favourite_share=0.6, categories=2, large=2, days_since_new=10),
        "bob": dict(favourite=None, favourite_share=1.0, categories=1, large=0, days_since_new=30),
        "cat": dict(favourite=None, favourite_share=None, categories=0, large=0, days_since_new=None),
    },
)


class Words(FeatureView):
    """What a customer buys by the words of its name."""

    entity, owner, over = Customer, "growth", OrderLines
    groups = Grouping({"word": "split(products.product, ' ')", "kind": "kind"}, {"lines": "count(*)"})

    words = Feature("collect_list(concat(word, ' ', kind))", "Words, with the kind of line.")
    most = Feature("max(lines)", "Lines with the most frequent.", unit="lines")


test_a_row_is_in_the_group_of_each_value_of_its_list_and_once_only = spec(
    Words,
    as_of="2024-07-01",
    given={
        OrderLines: """
            customer | ordered_at | kind   | sku
            ann      | 2024-06-01 | sale   | c1
            ann      | 2024-06-02 | sale   | c2
            ann      | 2024-06-03 | return | c2
            bob      | 2024-06-01 | sale   | x
        """,
        Products: "sku | product\nc1 | long coat\nc2 | coat coat",
    },
    expect={
        "ann": dict(words=["coat return", "coat sale", "long sale"], most=2),
        # Nobody knows the item.
        "bob": dict(words=None, most=None),
    },
)


class Online(FeatureView):
    """What is known of a line by its order."""

    entity, owner, over = Customer, "growth", OrderLines

    online = Feature("count(*)", "Lines of online orders.", unit="lines", where="orders.channel = 'online'")


test_a_line_belongs_to_the_order_of_its_own_source = spec(
    Online,
    as_of="2024-07-01",
    given={
        OrderLines: """
            customer | source | ordered_at | order_id | line
            ann      | shop   | 2024-06-01 | 1        | 1
            ann      | shop   | 2024-06-01 | 1        | 2
            ann      | till   | 2024-06-01 | 1        | 1
        """,
        Orders: """
            customer | source | ordered_at | order_id | channel
            ann      | shop   | 2024-06-01 | 1        | online
            ann      | till   | 2024-06-01 | 1        | store
        """,
    },
    expect={"ann": dict(online=2), "bob": dict(online=0)},
)
