"""A rule is true or false, never null, for customers with unknown values."""

from house_scores import SCORES
from specification import rule, spec

from quanyu.model.trade import OrderLines, Orders, Products

# ann likes home, bob likes shoes; what cat bought has no category, and dan bought nothing.
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
LIKES = "preference.favourite_category"


def of_tastes(who, inside):
    return spec(
        rule(who),
        as_of="2024-07-01",
        given=TASTES,
        expect={"dan": dict(inside="dan" in inside)}
        | {name: dict(inside=name in inside) for name in ("ann", "bob", "cat")},
    )


test_is_shoes_holds_who_likes_shoes = of_tastes(f"{LIKES} = 'shoes'", {"bob"})

# Three spellings of one rule, which include customers with an unknown preference.
test_is_not_shoes_written_with_not_holds_those_of_whom_nothing_is_known = of_tastes(
    f"not {LIKES} = 'shoes'", {"ann", "cat", "dan"}
)
test_is_not_shoes_written_with_not_in_holds_those_of_whom_nothing_is_known = of_tastes(
    f"{LIKES} not in ('shoes')", {"ann", "cat", "dan"}
)
test_is_not_shoes_written_as_unequal_holds_those_of_whom_nothing_is_known = of_tastes(
    f"{LIKES} <> 'shoes'", {"ann", "cat", "dan"}
)
test_unequal_may_be_written_in_two_ways = of_tastes(f"{LIKES} != 'shoes'", {"ann", "cat", "dan"})

test_not_unequal_is_equal = of_tastes(f"not {LIKES} <> 'shoes'", {"bob"})
test_not_not_in_is_in = of_tastes(f"not {LIKES} not in ('shoes')", {"bob"})
test_twice_not_is_as_good_as_nothing = of_tastes(f"not not {LIKES} = 'shoes'", {"bob"})

test_unequal_holds_the_unknown_beside_another_condition = of_tastes(
    f"{LIKES} <> 'shoes' and value.orders >= 1", {"ann", "cat"}
)
test_unequal_holds_the_unknown_inside_an_or = of_tastes(
    f"{LIKES} <> 'shoes' or value.spend > 15", {"ann", "bob", "cat", "dan"}
)
test_unequal_holds_the_unknown_in_a_case = of_tastes(
    f"case when {LIKES} <> 'shoes' then true else false end", {"ann", "cat", "dan"}
)
test_two_columns_are_unequal_unless_they_are_known_to_be_equal = of_tastes(
    "value.average_order <> preference.unit_price", {"ann", "bob", "cat", "dan"}
)


test_a_comparison_with_what_is_not_known_is_false = of_tastes("recency.days_since_order < 90", {"ann", "bob", "cat"})
test_its_negation_is_true = of_tastes("not recency.days_since_order < 90", {"dan"})
test_between_is_false_for_what_is_not_known_and_not_between_is_true = of_tastes(
    "recency.days_since_order not between 0 and 5 and not recency.days_since_order between 20 and 30",
    {"ann", "bob", "cat", "dan"},
)
test_like_is_false_for_what_is_not_known = of_tastes(f"{LIKES} like 'sh%'", {"bob"})
test_not_before_like_is_true_for_what_is_not_known = of_tastes(f"not {LIKES} like 'sh%'", {"ann", "cat", "dan"})
test_not_like_is_true_for_what_is_not_known = of_tastes(f"{LIKES} not like 'sh%'", {"ann", "cat", "dan"})
test_not_rlike_is_true_for_what_is_not_known = of_tastes(f"{LIKES} not rlike '^sh'", {"ann", "cat", "dan"})

test_is_null_asks_for_what_is_not_known = of_tastes(f"{LIKES} is null", {"cat", "dan"})
test_is_not_null_asks_for_what_is_known = of_tastes(f"{LIKES} is not null", {"ann", "bob"})
test_is_distinct_from_holds_those_of_whom_nothing_is_known = of_tastes(
    f"{LIKES} is distinct from 'shoes'", {"ann", "cat", "dan"}
)

test_or_holds_who_meets_one_side_though_the_other_is_not_known = of_tastes(
    f"{LIKES} = 'home' or value.spend > 25", {"ann", "cat"}
)
test_not_or_is_not_the_one_and_not_the_other = of_tastes(f"not ({LIKES} = 'home' or {LIKES} = 'shoes')", {"cat", "dan"})
test_not_and_is_not_the_one_or_not_the_other = of_tastes(
    f"not ({LIKES} = 'home' and value.orders = 1)", {"bob", "cat", "dan"}
)
test_and_binds_closer_than_or = of_tastes(f"{LIKES} = 'home' or {LIKES} = 'shoes' and value.spend > 25", {"ann"})
test_brackets_bind_closest = of_tastes(f"({LIKES} = 'home' or {LIKES} = 'shoes') and value.spend > 15", {"bob"})

test_a_tag_that_cannot_be_told_is_not_set = of_tastes("retention.lapsed", set())
test_not_a_tag_holds_those_of_whom_it_cannot_be_told = of_tastes("not retention.lapsed", {"ann", "bob", "cat", "dan"})
test_who_never_bought_can_be_asked_for = of_tastes("value.orders_ever = 0", {"dan"})

test_a_score_holds_who_was_scored_above_it = of_tastes("churn.score >= 0.6", {"ann", "dan"})
test_not_above_a_score_holds_those_who_were_not_scored = of_tastes("not churn.score >= 0.6", {"bob", "cat"})


SCORED = {
    SCORES: """
        customer | model | as_of      | score
        ann      | churn | 2024-06-01 | 0.9
        ann      | churn | 2024-06-10 | 0.1
        bob      | churn | 2024-06-01 | 0.1
        bob      | churn | 2024-06-10 | 0.9
        cat      | loss  | 2024-06-10 | 0.9
    """
}

test_a_score_holds_until_there_is_another = spec(
    rule("churn.score > 0.5"), as_of="2024-06-09", given=SCORED, expect={"ann"}
)
test_from_then_on_the_other_holds = spec(rule("churn.score > 0.5"), as_of="2024-06-10", given=SCORED, expect={"bob"})
test_before_the_first_score_nobody_is_above_any = spec(
    rule("churn.score > 0"), as_of="2024-05-31", given=SCORED, expect=set()
)

test_true_holds_everybody_who_is_known = of_tastes("true", {"ann", "bob", "cat", "dan"})
test_false_holds_nobody = of_tastes("false", set())

NAMED = {
    Products: """
        sku  | category
        lamp | 家居
        boot | 鞋靴
        coat | men's
        vase | Home
    """,
    OrderLines: """
        customer | ordered_at | sku
        ann      | 2024-06-20 | lamp
        bob      | 2024-06-20 | boot
        cat      | 2024-06-20 | coat
        dan      | 2024-06-20 | vase
    """,
}


def of_names(who, inside):
    return spec(rule(who), as_of="2024-07-01", given=NAMED, expect=inside)


test_names_may_be_chinese = of_names(f"{LIKES} = '鞋靴'", {"bob"})
test_not_a_chinese_name_holds_all_others = of_names(f"not {LIKES} in ('鞋靴', '家居')", {"cat", "dan"})
test_a_name_may_hold_an_apostrophe = of_names(f'{LIKES} = "men\'s"', {"cat"})
test_capital_letters_count = of_names(f"{LIKES} = 'home'", set())
test_a_pattern_may_be_chinese = of_names(f"{LIKES} like '家%' or {LIKES} rlike '靴$'", {"ann", "bob"})
