"""Labels and populations of models: which customers are included at a cutoff, and the outcome after it."""

from specification import spec

from ml.churn import Churn
from ml.lifetime import Lifetime
from ml.next_purchase import NextPurchase
from ml.tasks.binary_classification import BinaryClassification
from quanyu.grammar.model_spec import Baseline, MetricGate, ModelSpec, NoneOf
from quanyu.model.entities import Customer
from quanyu.model.trade import Orders

test_churn_judges_who_ordered_within_365_days = spec(
    Churn,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-07-01 23:59:59
            bob      | 2023-07-03
            cat      | 2023-07-02
            zoe      | 2024-06-01
        """
    },
    strangers={"zoe"},
    expect={"ann": 1, "bob": 1, "cat": None, "dan": None, "zoe": None},
)

test_churn_is_to_order_nothing_in_the_90_days_after_the_cutoff = spec(
    Churn,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-06-01
            ann      | 2024-07-02 00:00:00
            bob      | 2024-06-01
            bob      | 2024-09-29 23:59:59.999
            cat      | 2024-06-01
            cat      | 2024-09-30 00:00:00
            dan      | 2024-06-01
            dan      | 2024-07-01 23:59:59.999
        """
    },
    expect={"ann": 0, "bob": 0, "cat": 1, "dan": 1},
)

test_who_orders_for_the_first_time_after_the_cutoff_is_not_judged = spec(
    Churn,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-07-10
        """
    },
    expect={"ann": None},
)


def after(line):
    """A customer who ordered before the cutoff, and a row after it."""
    orders = f"""
        customer | ordered_at | kind     | status
        ann      | 2024-06-01 | purchase | paid
        ann      | {line}
    """
    return spec(Churn, as_of="2024-07-01", given={Orders: orders}, expect={"ann": 1})


test_a_cancelled_order_is_no_order_after_the_cutoff = after("2024-07-10 | purchase | cancelled")
test_a_pending_order_is_no_order_after_the_cutoff = after("2024-07-10 | purchase | pending")
test_a_return_is_no_order_after_the_cutoff = after("2024-07-10 | return | paid")

test_what_came_is_taken_as_it_was_known_when_the_90_days_were_over = spec(
    Churn,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | order_id | ordered_at | status    | recorded_on | replaced_on
            ann      | 1        | 2024-06-01 | paid      | 2024-06-01  | null
            ann      | 2        | 2024-09-01 | paid      | 2024-09-29  | null
            bob      | 3        | 2024-06-01 | paid      | 2024-06-01  | null
            bob      | 4        | 2024-09-01 | paid      | 2024-09-30  | null
            cat      | 5        | 2024-06-01 | paid      | 2024-06-01  | null
            cat      | 6        | 2024-09-01 | paid      | 2024-09-01  | 2024-09-30
            cat      | 6        | 2024-09-01 | cancelled | 2024-09-30  | null
        """
    },
    expect={"ann": 0, "bob": 1, "cat": 0},
)

test_an_order_that_was_cancelled_before_the_90_days_were_over_did_not_come = spec(
    Churn,
    as_of="2024-07-01",
    given={
        Orders: """
                customer | order_id | ordered_at | status    | recorded_on | replaced_on
                ann      | 1        | 2024-06-01 | paid      | 2024-06-01  | null
                ann      | 2        | 2024-09-01 | paid      | 2024-09-01  | 2024-09-20
                ann      | 2        | 2024-09-01 | cancelled | 2024-09-20  | null
            """
    },
    expect={"ann": 1},
)

test_features_are_as_they_were_known_at_the_cutoff = spec(
    Churn,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | order_id | ordered_at | amount | recorded_on | replaced_on
            ann      | 1        | 2024-06-01 | 100    | 2024-06-01  | 2024-07-02
            ann      | 1        | 2024-06-01 | 40     | 2024-07-02  | null
            ann      | 2        | 2024-06-20 | 900    | 2024-07-02  | null
            ann      | 3        | 2024-07-10 | 5      | 2024-07-10  | null
        """
    },
    expect={
        "ann": {
            "label": 0,
            "value.orders": 1,
            "value.spend": 100,
            "recency.days_since_order": 30,
            "engagement.active_days": 1,
        }
    },
)

FAR = {
    Orders: """
        customer | ordered_at
        ann      | 2023-12-01
        ann      | 2024-06-20
    """
}

test_at_an_earlier_cutoff_the_same_customer_has_the_label_of_that_cutoff = spec(
    Churn, as_of="2024-01-01", given=FAR, expect={"ann": 1}
)
test_at_a_later_cutoff_the_same_customer_has_the_label_of_that_cutoff = spec(
    Churn, as_of="2024-04-01", given=FAR, expect={"ann": 0}
)
test_before_the_first_order_nobody_is_judged = spec(Churn, as_of="2023-11-30", given=FAR, expect={"ann": None})

test_the_90_days_end_at_midnight_though_clocks_changed_in_them = spec(
    Churn,
    zone="America/New_York",
    as_of="2024-08-06",
    given={
        Orders: """
            customer | ordered_at
            ann      | 2024-06-01
            ann      | 2024-11-04 23:59:59
            bob      | 2024-06-01
            bob      | 2024-11-05 00:00:00
        """
    },
    expect={"ann": 0, "bob": 1},
)


class StoreLoss(ModelSpec):
    """No order in a store or by phone in the next 30 days."""

    entity = Customer
    owner = "growth"
    population = "recency.days_since_order < 365 and not care.big_spender"
    task = BinaryClassification()
    label = NoneOf("orders", horizon_days=30, where="channel = 'store' or channel = 'phone'")
    features = ("value.orders",)
    baseline = Baseline(feature="recency.days_since_order", higher_is="more")
    gates = (MetricGate("auc", at_least=0.6),)


test_a_condition_of_a_label_says_what_counts = spec(
    StoreLoss,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at              | channel | amount
            ann      | 2024-06-01              | online  | 10
            ann      | 2024-07-31 23:59:59.999 | store   | 10
            bob      | 2024-06-01              | phone   | 10
            bob      | 2024-08-01 00:00:00     | phone   | 10
            cat      | 2024-06-01              | phone   | 10
            cat      | 2024-07-10              | online  | 10
            dan      | 2024-06-01              | phone   | 10
            dan      | 2024-07-10              | null    | 10
            eve      | 2024-06-01              | phone   | 2000
        """
    },
    expect={"ann": 0, "bob": 1, "cat": 1, "dan": 1, "eve": None},
)


class Silence(StoreLoss):
    """No order in the next 30 days, except those known to be online."""

    population = "not recency.days_since_order >= 30"
    task = BinaryClassification()
    label = NoneOf("orders", horizon_days=30, where="channel <> 'online'")


test_not_in_a_population_holds_those_of_whom_it_is_not_known = spec(
    Silence,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | channel
            ann      | 2024-06-02 | store
            bob      | 2024-06-01 | store
            ann      | 2024-07-02 | store
        """
    },
    expect={"ann": 0, "bob": None, "cat": 1},
)

test_unequal_in_a_label_counts_rows_of_which_it_is_not_known = spec(
    Silence,
    as_of="2024-07-01",
    given={
        Orders: """
                customer | ordered_at | channel
                ann      | 2024-07-02 | null
                bob      | 2024-07-02 | online
            """
    },
    expect={"ann": 0, "bob": 1},
)


class Elsewhere(ModelSpec):
    """No order in a store or by phone within 30 days."""

    entity = Customer
    owner = "growth"
    population = "value.orders >= 1"
    task = BinaryClassification()
    label = NoneOf("orders", horizon_days=30, where="channel = 'store' or channel = 'phone'")
    features = ("value.orders",)
    baseline = Baseline(feature="value.orders", higher_is="less")


test_an_or_in_a_label_stays_within_its_horizon = spec(
    Elsewhere,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | channel
            ann      | 2024-06-01 | store
            ann      | 2024-08-10 | phone
            bob      | 2024-06-01 | store
            bob      | 2024-07-31 | phone
        """
    },
    expect={"ann": 1, "bob": 0},
)

test_lifetime_value_is_what_is_spent_in_the_90_days_after_the_cutoff = spec(
    Lifetime,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at              | kind     | status    | amount
            ann      | 2024-06-01              | purchase | paid      | 10
            ann      | 2024-07-01 23:59:59     | purchase | paid      | 30
            bob      | 2020-06-01              | purchase | paid      | 10
            bob      | 2024-07-02              | purchase | paid      | 0.25
            bob      | 2024-09-29 23:59:59.999 | purchase | paid      | 0.75
            bob      | 2024-09-30              | purchase | paid      | 100
            bob      | 2024-07-10              | purchase | cancelled | 100
            bob      | 2024-07-11              | return   | paid      | -10
            cat      | 2024-07-02              | purchase | paid      | 100
            dan      | 2024-06-01              | purchase | paid      | null
        """
    },
    expect={
        "ann": {
            "label": 0,
            "rhythm.purchase_days": 2,
            "recency.days_since_first": 30,
            "recency.days_since_order": 0,
            "rhythm.spend_per_day": 20,
        },
        "bob": 1,
        "cat": None,
        "dan": None,
    },
)

test_days_until_the_next_purchase_of_who_bought_on_two_days = spec(
    NextPurchase,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at          | kind     | status
            ann      | 2024-05-01          | purchase | paid
            ann      | 2024-06-01          | purchase | paid
            ann      | 2024-07-02 00:00:00 | purchase | paid
            ann      | 2024-07-20          | purchase | paid
            bob      | 2024-05-01          | purchase | paid
            bob      | 2024-07-01          | purchase | paid
            bob      | 2024-07-02          | purchase | cancelled
            bob      | 2024-07-02          | return   | paid
            bob      | 2024-07-03 23:59:59 | purchase | paid
            cat      | 2024-05-01          | purchase | paid
            cat      | 2024-07-01 23:59:59 | purchase | paid
            cat      | 2024-09-30 00:00:00 | purchase | paid
            dan      | 2024-06-01 10:00:00 | purchase | paid
            dan      | 2024-06-01 11:00:00 | purchase | paid
            dan      | 2024-07-02          | purchase | paid
        """
    },
    expect={"ann": 1, "bob": 2, "cat": float("nan"), "dan": None},
)
