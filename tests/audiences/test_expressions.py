"""Rules with computed values have one meaning, whichever value is unknown."""

from house_scores import SCORES
from specification import rule, spec

from quanyu.model.trade import OrderLines, Orders, Products

# ann likes home and spent 10, bob likes shoes and spent 20; what cat bought for 30 has no category; dan bought nothing.
TASTES = {
    Products: """
        sku  | category
        lamp | home
        boot | shoes
        vase | null
    """,
    OrderLines: """
        customer | ordered_at | sku
        ann      | 2024-06-20 | lamp
        bob      | 2024-06-20 | boot
        cat      | 2024-06-20 | vase
    """,
    Orders: """
        customer | ordered_at | amount
        ann      | 2024-06-20 | 10
        bob      | 2024-06-20 | 20
        cat      | 2024-06-20 | 30
    """,
    SCORES: """
        customer | model | as_of      | score
        ann      | churn | 2024-07-01 | 0.9
        bob      | churn | 2024-07-01 | 0.1
        dan      | churn | 2024-07-01 | 0.6
    """,
}
ALL = ("ann", "bob", "cat", "dan")
LIKES = "preference.favourite_category"


def holds(who, *inside):
    expected = {name: dict(inside=name in inside) for name in ALL}
    return spec(rule(who), as_of="2024-07-01", given=TASTES, expect=expected)


test_a_case_by_value_is_a_comparison = holds(f"case {LIKES} when 'shoes' then true else false end", "bob")
test_unequal_inside_if_holds_the_unknown = holds(f"if({LIKES} <> 'shoes', 1, 0) = 1", "ann", "cat", "dan")
test_nullif_makes_a_value_unknown = holds(f"nullif({LIKES}, 'shoes') is null", "bob", "cat", "dan")
test_what_coalesce_gives_is_known = holds(f"coalesce({LIKES}, 'shoes') <> 'shoes'", "ann")
test_a_tag_may_be_compared_with_false = holds("retention.lapsed = false", *ALL)
test_a_tag_may_be_unequal_to_true = holds("retention.lapsed <> true", *ALL)

test_not_between_holds_the_unknown = holds("value.average_order not between 15 and 25", "ann", "cat", "dan")
test_not_in_a_range_holds_the_unknown = holds(
    "not (value.average_order > 15 and value.average_order < 25)", "ann", "cat", "dan"
)
test_not_over_unequal_and_another_holds_who_meets_one_of_them_not = holds(
    f"not ({LIKES} <> 'shoes' and value.orders >= 1)", "bob", "dan"
)
test_unequal_to_the_one_or_unequal_to_the_other_holds_everybody = holds(
    f"{LIKES} <> 'shoes' or {LIKES} <> 'home'", *ALL
)
test_unequal_in_brackets_may_be_compared_with_true = holds(f"({LIKES} <> 'shoes') = true", "ann", "cat", "dan")
test_what_is_computed_of_the_unknown_is_unequal = holds(f"lower({LIKES}) <> 'shoes'", "ann", "cat", "dan")
test_a_length_of_the_unknown_is_unequal = holds(f"length({LIKES}) <> 5", "ann", "cat", "dan")
test_a_difference_may_be_unequal_to_0 = holds("value.spend - 20 <> 0", "ann", "cat", "dan")
test_null_safe_equal_finds_the_unknown = holds(f"{LIKES} <=> null", "cat", "dan")
test_not_null_safe_equal_holds_the_unknown = holds(f"not {LIKES} <=> 'shoes'", "ann", "cat", "dan")
test_a_score_that_is_low_or_missing = holds("churn.score < 0.5 or churn.score is null", "bob", "cat")
test_a_score_that_is_unequal_or_missing = holds("churn.score <> 0.9", "bob", "cat", "dan")
test_texts_are_in_order = holds(f"{LIKES} > 'i'", "bob")
test_not_up_to_a_text_holds_the_unknown = holds(f"not {LIKES} <= 'i'", "bob", "cat", "dan")
test_a_part_of_a_text = holds(f"substring({LIKES}, 1, 2) = 'sh'", "bob")
test_money_times_a_fraction = holds("value.spend * 0.1 = 2", "bob")
test_money_divided_is_not_rounded = holds("value.spend / 3 > 6.66 and value.spend / 3 < 6.67", "bob")
test_a_count_divided_is_not_cut_to_a_whole_number = holds("value.orders / 2 = 0.5", "ann", "bob", "cat")
test_a_comparison_is_never_unknown = holds("(value.average_order > 15) is null")

# ann bought in a store, and cancelled an order of an unknown channel; bob bought online; dan long ago.
ORDERS = {
    Orders: """
        customer | ordered_at | channel | status    | amount | store
        ann      | 2024-06-20 | store   | paid      | 10     | 1
        ann      | 2024-06-21 | null    | cancelled | 20     | 2
        bob      | 2024-06-20 | online  | paid      | 30     | null
        dan      | 2024-05-20 | online  | cancelled | 30     | null
    """
}


def of_30_days(value, who, *inside, **more):
    measure = dict(over="orders", value=value, within="30 days") | more
    expected = {name: dict(inside=name in inside) for name in ALL}
    return spec(rule(who, m=measure), as_of="2024-07-01", given=ORDERS, expect=expected)


test_a_measure_may_be_true_or_false = of_30_days("bool_or(status = 'cancelled')", "m", "ann")
test_not_a_measure_holds_who_has_no_row = of_30_days("bool_or(status = 'cancelled')", "not m", "bob", "cat", "dan")
test_a_sum_by_case_counts_rows_of_which_it_is_not_known = of_30_days(
    "sum(case when channel <> 'store' then amount else 0 end)", "m >= 20", "ann", "bob"
)
test_a_count_by_condition_counts_rows_of_which_it_is_not_known = of_30_days(
    "count_if(channel <> 'store')", "m = 1", "ann", "bob"
)
test_a_sum_by_if_and_by_its_opposite_is_the_whole_sum = of_30_days(
    "sum(if(channel = 'store', amount, 0)) + sum(if(channel <> 'store', amount, 0))", "m = 30", "ann", "bob"
)
test_a_share_of_counts = of_30_days("count_if(status = 'cancelled') / count(*)", "m > 0.4", "ann")
test_a_difference_of_a_sum_and_a_count_of_nothing_is_0 = of_30_days("sum(amount) - count(*)", "m <= 0", "cat", "dan")
test_days_since_the_oldest_row = of_30_days("max(datediff(as_of, ordered_at))", "m = 11", "ann", "bob")
test_different_days = of_30_days("count(distinct to_date(ordered_at))", "m = 1", "bob")
test_a_text_that_is_not_known_is_null = of_30_days("max(store)", "m is null", "bob", "cat", "dan")
test_a_text_that_is_not_known_is_unequal = of_30_days("max(right(store, 1))", "m <> '2'", "bob", "cat", "dan")
test_a_mean = of_30_days("avg(amount)", "m = 15", "ann")
test_a_median = of_30_days("median(amount)", "m = 15", "ann")
test_the_amount_of_the_first_order = of_30_days("min_by(amount, ordered_at)", "m = 10", "ann")
test_the_amount_of_the_last_order = of_30_days("max_by(amount, ordered_at)", "m = 20", "ann")
test_a_set_leaves_out_what_is_not_known = of_30_days("collect_set(channel)", "size(m) = 1", "ann", "bob")
test_a_set_holds_a_value = of_30_days("collect_set(channel)", "array_contains(m, 'online')", "bob")
test_a_set_that_does_not_hold_a_value = of_30_days(
    "collect_set(channel)", "not array_contains(m, 'online')", "ann", "cat", "dan"
)
test_or_inside_and_in_a_condition = of_30_days(
    "count(*)", "m >= 1", "ann", where="status = 'cancelled' and (channel = 'store' or channel is null)"
)
test_not_or_in_a_condition = of_30_days(
    "count(*)", "m >= 1", "ann", where="not (status = 'paid' or channel = 'online')"
)
test_a_condition_may_ask_for_the_day = of_30_days(
    "count(*)", "m >= 1", "ann", "bob", where="datediff(as_of, ordered_at) > 10"
)
