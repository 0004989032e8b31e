"""Items to clear for customers, by size and taste."""

from asked import embedded

from jobs.audiences.inquiry.item_matches import matches

WANTS = [
    ("ann", ["男装 4XL", "家居 均码"], "复古"),
    ("bob", ["女装 4XL"], "复古"),
    ("cat", ["男装 4XL", "男装 4XL"], "法式"),
    ("dan", ["男装 M"], "复古"),
    ("eve", ["男装 4XL"], None),
]
OFFERS = [
    ("a4", "coat", "男装", "4XL", "复古、极简", 3),
    ("b4", "shirt", "男装", "4XL", "复古", 9),
    ("c4", "scarf", "男装", "4XL", "法式", 1),
    ("d4", "hat", "男装", "4XL", "复古", 0),
    ("am", "coat", "男装", "M", "复古", 5),
    ("h1", "vase", "家居", "均码", "复古", 99),
]


def items_of(size, most):
    session = embedded()
    wants = session.createDataFrame(WANTS, "customer_id string, bought array<string>, style string")
    offers = session.createDataFrame(
        OFFERS, "sku string, product string, category string, size string, style_words string, on_hand bigint"
    )
    rows = matches(wants, offers, size, most).select("customer_id", "place", "sku").collect()
    return sorted(map(tuple, rows))


def test_each_gets_what_has_most_stock_in_his_size_and_of_his_style():
    assert items_of("4XL", 1) == [("ann", 1, "b4"), ("cat", 1, "c4")]
    assert items_of("4XL", 5) == [("ann", 1, "b4"), ("ann", 2, "a4"), ("cat", 1, "c4")]


def test_without_a_size_all_sizes_count_that_he_has_bought():
    assert items_of(None, 1) == [("ann", 1, "h1"), ("cat", 1, "c4"), ("dan", 1, "am")]
