"""Measures: an audience's own aggregates over one table, within a number of days."""

from specification import rule, spec

from quanyu.model.people import Identifiers
from quanyu.model.touch import Events
from quanyu.model.trade import OrderLines, Orders, Products

ORDERS_TODAY = dict(over="orders", value="count(*)", within="1 days")

test_one_day_is_from_midnight_to_midnight_of_the_retailers_zone = spec(
    rule("n >= 1", n=ORDERS_TODAY),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at              | recorded_on
            ann      | 2024-06-30 23:59:59.999 | 2024-06-30
            bob      | 2024-07-01 00:00:00     | 2024-07-01
            cat      | 2024-06-30T16:00:00Z    | 2024-07-01
            dan      | 2024-06-30T15:59:59Z    | 2024-06-30
            eve      | 2024-07-01 23:59:59.999 | 2024-07-01
            fay      | 2024-07-02 00:00:00     | 2024-07-01
        """
    },
    expect={"bob", "cat", "eve"},
)

test_the_day_on_which_clocks_go_forward_has_23_hours = spec(
    rule("n >= 1", n=ORDERS_TODAY),
    zone="America/New_York",
    as_of="2024-03-10",
    given={
        Orders: """
            customer | ordered_at                | recorded_on
            ann      | 2024-03-10T00:00:00-05:00 | 2024-03-10
            bob      | 2024-03-10T23:59:59-04:00 | 2024-03-10
            cat      | 2024-03-09T23:59:59-05:00 | 2024-03-10
            dan      | 2024-03-11T00:00:00-04:00 | 2024-03-10
        """
    },
    expect={"ann", "bob"},
)

test_the_day_on_which_clocks_go_back_has_25_hours = spec(
    rule("n >= 1", n=ORDERS_TODAY),
    zone="America/New_York",
    as_of="2024-11-03",
    given={
        Orders: """
            customer | ordered_at                | recorded_on
            ann      | 2024-11-03T00:00:00-04:00 | 2024-11-03
            bob      | 2024-11-03T23:59:59-05:00 | 2024-11-03
            cat      | 2024-11-02T23:59:59-04:00 | 2024-11-03
            dan      | 2024-11-04T00:00:00-05:00 | 2024-11-03
        """
    },
    expect={"ann", "bob"},
)

test_seven_days_over_a_change_of_clocks_begin_at_midnight = spec(
    rule("n >= 1", n=ORDERS_TODAY | dict(within="7 days")),
    zone="America/New_York",
    as_of="2024-11-06",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-10-31 00:00:00
            bob      | 2024-10-30 23:59:59
        """
    },
    expect={"ann"},
)

# ann bought 40 days ago and nothing since, bob within 30 days; cat never bought.
LATELY = {
    Orders: """
        customer | ordered_at | amount
        ann      | 2024-05-22 | 50
        bob      | 2024-06-25 | 50
    """
}


def of_30_days(who, value, inside):
    measure = dict(over="orders", value=value, within="30 days")
    expected = {name: dict(inside=name in inside) for name in ("ann", "bob", "cat")}
    return spec(rule(who, m=measure), as_of="2024-07-01", given=LATELY, expect=expected)


def of_nothing(who, value):
    return of_30_days(who, value, {"ann", "cat"})


test_a_sum_of_nothing_is_0 = of_nothing("m < 10", "sum(amount)")
test_a_count_of_nothing_is_0 = of_nothing("m = 0", "count(*)")
test_a_count_of_different_ones_of_nothing_is_0 = of_nothing("m = 0", "count(distinct order_id)")
test_a_count_with_a_condition_of_nothing_is_0 = of_nothing("m = 0", "count_if(amount > 0)")
test_an_approximate_count_of_nothing_is_0 = of_nothing("m = 0", "approx_count_distinct(order_id)")
test_a_sum_with_a_default_of_nothing_is_the_default = of_nothing("m < 10", "coalesce(sum(amount), 0)")
test_a_rounded_sum_of_nothing_is_0 = of_nothing("m < 10", "round(sum(amount), 2)")
test_a_maximum_with_a_default_of_nothing_is_the_default = of_nothing("m < 10", "nvl(max(amount), 0)")
test_a_sum_divided_by_a_count_of_nothing_is_not_known = of_nothing("m is null", "sum(amount) / count(*)")
test_a_sum_of_counts_of_nothing_is_0 = of_nothing("m = 0", "2 * count(*) + count(distinct order_id)")
test_a_maximum_of_nothing_is_not_known = of_30_days("m < 10", "max(amount)", set())
test_not_above_a_maximum_holds_those_of_whom_it_is_not_known = of_nothing("not m >= 10", "max(amount)")
test_a_mean_of_nothing_is_not_known = of_30_days("m < 10 or m >= 10", "avg(amount)", {"bob"})

test_a_measure_without_a_window_looks_back_for_ever = spec(
    rule("n = 2", n=dict(over="orders", value="count(*)")),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 1999-01-01
            ann      | 2024-06-01
            bob      | 2024-06-01
        """
    },
    expect={"ann"},
)

test_a_measure_counts_returns_and_cancelled_orders_unless_it_leaves_them_out = spec(
    rule(
        "n = 3 and paid = 1",
        n=dict(over="orders", value="count(*)"),
        paid=dict(over="orders", value="count(*)", where="kind = 'purchase' and status = 'paid'"),
    ),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | kind     | status
            ann      | 2024-06-01 | purchase | paid
            ann      | 2024-06-02 | return   | paid
            ann      | 2024-06-03 | purchase | cancelled
        """
    },
    expect={"ann": dict(n=3, paid=1, inside=True)},
)

test_a_measure_may_have_the_name_of_a_feature_and_of_another_audiences_measure = spec(
    rule("orders = 1 and value.orders = 2 and m = 2", orders=ORDERS_TODAY, m=dict(over="orders", value="count(*)")),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-07-01
            ann      | 2024-06-01
            bob      | 2024-07-01
            bob      | 2024-07-01
        """
    },
    expect={"ann"},
)

# ann bought shoes lately, bob home and cat shoes long ago; dan bought tops lately.
LINES = {
    Products: """
        sku   | category
        lamp  | home
        boot  | shoes
        shirt | tops
        vase  | null
    """,
    OrderLines: """
        customer | ordered_at | sku
        ann      | 2024-06-20 | boot
        bob      | 2024-01-20 | lamp
        cat      | 2024-01-20 | boot
        dan      | 2024-06-20 | shirt
        eve      | 2024-06-20 | vase
    """,
}


def of_lines(where, inside):
    measure = dict(over="order_lines", value="count(*)", where=where, within="30 days")
    return spec(rule("n >= 1", n=measure), as_of="2024-07-01", given=LINES, expect=inside)


test_a_condition_may_name_a_column_of_the_product = of_lines("products.category = 'shoes'", {"ann"})
test_an_or_in_a_condition_stays_within_its_window = of_lines(
    "products.category = 'home' or products.category = 'shoes'", {"ann"}
)
test_an_or_in_brackets_stays_within_its_window = of_lines(
    "(products.category = 'home' or products.category = 'shoes')", {"ann"}
)
test_a_list_in_a_condition_stays_within_its_window = of_lines("products.category in ('home', 'shoes')", {"ann"})
test_unequal_in_a_condition_counts_rows_of_which_it_is_not_known = of_lines(
    "products.category <> 'shoes'", {"dan", "eve"}
)
test_not_equal_in_a_condition_counts_rows_of_which_it_is_not_known = of_lines(
    "not products.category = 'shoes'", {"dan", "eve"}
)

test_a_measure_may_be_a_text = spec(
    rule("channel = 'store'", channel=dict(over="orders", value="max(channel)")),
    as_of="2024-07-01",
    given={
        Orders: """
                customer | ordered_at | channel
                ann      | 2024-06-01 | store
                bob      | 2024-06-01 | online
            """
    },
    expect={"ann"},
)

test_a_measure_may_be_over_events = spec(
    rule("carts >= 2", carts=dict(over="events", value="count(*)", where="kind = 'cart'", within="7 days")),
    as_of="2024-07-01",
    given={
        Events: """
            customer | at         | kind
            ann      | 2024-06-25 | cart
            ann      | 2024-07-01 | cart
            bob      | 2024-06-24 | cart
            bob      | 2024-07-01 | cart
            cat      | 2024-06-30 | view
            cat      | 2024-06-30 | cart
        """
    },
    expect={"ann"},
)

test_a_measure_may_be_over_all_that_a_customer_did = spec(
    rule("n >= 1", n=dict(over="activity", value="count(*)", where="kind = 'cancel'", within="30 days")),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | status
            ann      | 2024-06-02 | cancelled
            bob      | 2024-06-01 | cancelled
            cat      | 2024-06-02 | paid
        """
    },
    expect={"ann"},
)

RECORDED = {
    Orders: """
        customer | order_id | ordered_at | amount | recorded_on | replaced_on
        ann      | 1        | 2024-06-20 | 100    | 2024-06-20  | 2024-06-25
        ann      | 1        | 2024-06-20 | 40     | 2024-06-25  | null
        bob      | 2        | 2024-06-20 | 100    | 2024-06-25  | null
        zoe      | 3        | 2024-06-20 | 100    | 2024-06-20  | null
        null     | 4        | 2024-06-20 | 100    | 2024-06-20  | null
    """
}
SPENT_50 = rule("m >= 50", m=dict(over="orders", value="sum(amount)", within="30 days"))

test_a_measure_is_as_it_was_known_before_a_correction = spec(
    SPENT_50, as_of="2024-06-24", given=RECORDED, strangers={"zoe"}, expect={"ann"}
)
test_a_measure_is_as_it_was_known_after_a_correction = spec(
    SPENT_50, as_of="2024-06-25", given=RECORDED, strangers={"zoe"}, expect={"bob"}
)
test_a_measure_before_the_first_row_is_0 = spec(
    rule("m = 0", m=dict(over="orders", value="sum(amount)")),
    as_of="2024-06-19",
    given=RECORDED,
    strangers={"zoe"},
    expect={"ann", "bob"},
)

test_an_audience_of_nobody_is_empty = spec(
    rule("n >= 999", n=dict(over="orders", value="count(*)")),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-06-20
        """
    },
    expect=set(),
)

test_who_is_not_known_yet_is_in_no_audience = spec(
    rule("n = 0", n=dict(over="orders", value="count(*)")),
    as_of="2024-07-01",
    given={
        Identifiers: """
            customer | value | recorded_on
            ann      | 1     | 2024-07-01
            bob      | 2     | 2024-07-02
        """
    },
    expect={"ann"},
)

# bob's orders are a year old, so that he has none within a year; cat's order has no pieces.
DIVIDED = {
    Orders: """
        customer | ordered_at | amount | pieces | store
        ann      | 2024-06-20 | 50     | 2      | 12
        bob      | 2023-01-05 | 50     | 2      | 9
        cat      | 2024-06-20 | 50     | 0      | main
    """
}

test_a_rule_that_divides_by_0_for_one_customer_leaves_out_that_customer = spec(
    rule("value.spend / value.orders >= 10"), as_of="2024-07-01", given=DIVIDED, expect={"ann", "cat"}
)
test_a_measure_that_divides_by_0_for_one_customer_is_not_known_of_that_customer = spec(
    rule("m >= 10", m=dict(over="orders", value="sum(amount) / sum(pieces)")),
    as_of="2024-07-01",
    given=DIVIDED,
    expect={"ann", "bob"},
)
test_a_measure_that_cannot_be_read_of_one_customer_is_not_known_of_that_customer = spec(
    rule("m >= 10", m=dict(over="orders", value="max(cast(right(store, 2) as int))")),
    as_of="2024-07-01",
    given=DIVIDED,
    expect={"ann"},
)

test_doubles_that_differ_in_their_last_digit_are_equal = spec(
    rule(
        "m = n",
        m=dict(over="orders", value="sum(cast(amount as double))", where="channel = 'store'"),
        n=dict(over="orders", value="sum(cast(amount as double))", where="channel = 'online'"),
    ),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | channel | amount
            ann      | 2024-06-01 | store   | 0.10
            ann      | 2024-06-02 | store   | 0.20
            ann      | 2024-06-03 | online  | 0.30
        """
    },
    expect={"ann"},
)

test_money_is_compared_exactly = spec(
    rule("m = 0.3", m=dict(over="orders", value="sum(amount)")),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            ann      | 2024-06-01 | 0.10
            ann      | 2024-06-02 | 0.20
            bob      | 2024-06-01 | 0.31
        """
    },
    expect={"ann"},
)

# How many views of an item's page a filled cart followed within 7 days, the day of the view included.
FOLLOWED = dict(
    over="events",
    value="count_if(kind = 'view' and datediff(carted_at, at) <= 7)",
    after={"carted_at": dict(of="at", where="kind = 'cart'")},
)

test_a_sequence_counts_what_is_followed_by_something_within_days = spec(
    rule("n >= 1", n=FOLLOWED),
    as_of="2024-07-31",
    given={
        Events: """
            customer | event_id | kind  | at
            ann      | a1       | view  | 2024-07-01 10:00:00
            ann      | a2       | cart  | 2024-07-08 23:00:00
            bob      | b1       | view  | 2024-07-01 10:00:00
            bob      | b2       | cart  | 2024-07-09 00:00:00
            cat      | c1       | cart  | 2024-07-01 10:00:00
            cat      | c2       | view  | 2024-07-02 10:00:00
            dan      | d1       | view  | 2024-07-30 10:00:00
            dan      | d2       | cart  | 2024-08-01 10:00:00
            eve      | e1       | view  | 2024-07-01 10:00:00
            eve      | e2       | view  | 2024-07-05 10:00:00
            eve      | e3       | share | 2024-07-05 11:00:00
            eve      | e4       | cart  | 2024-07-09 10:00:00
        """
    },
    expect={
        "ann": dict(inside=True, n=1),
        "bob": dict(inside=False, n=0),
        "cat": dict(inside=False, n=0),
        "dan": dict(inside=False, n=0),
        "eve": dict(inside=True, n=1),
    },
)
