"""Features and tags in general: windows, conditions, empty windows, nulls, several days at once."""

from specification import scene, spec

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.touch import Events, Messages
from quanyu.model.trade import OrderLines, Orders, Products


class Basket(FeatureView):
    """What is in the orders of 30 days."""

    entity, owner, over, within = Customer, "growth", Orders, days(30)

    today = Feature("count(*)", "Orders of today.", unit="orders", within=days(1))
    ever = Feature("count(*)", "Orders of all time.", unit="orders", within=None)
    total = Feature("sum(amount)", "Sum.", unit="currency")
    double = Feature("2 * sum(amount)", "Sum, twice.", unit="currency", type="double")
    largest = Feature("max(amount)", "Largest.", unit="currency", type="decimal(18,2)")
    oldest = Feature("max(datediff(as_of, ordered_at))", "Days since the oldest.", unit="days", type="bigint")
    near = Feature(
        "count(*)", "Orders in a store or by phone.", unit="orders", where="channel = 'store' or channel = 'phone'"
    )
    nearby = Feature("count(*)", "The same, as a list.", unit="orders", where="channel in ('store', 'phone')")
    not_online = Feature("count(*)", "Orders not known to be online.", unit="orders", where="channel <> 'online'")
    nor_online = Feature("count(*)", "The same, by not.", unit="orders", where="not channel = 'online'")


CARE = scene(
    "attention",
    large="basket.largest >= 100",
    small="not basket.largest >= 100",
    odd="basket.largest <> 100",
    odd_too="not basket.largest = 100",
)

ONE_DAY = {
    Orders: """
        customer | ordered_at              | recorded_on
        ann      | 2024-07-01 00:00:00     | 2024-07-01
        bob      | 2024-06-30 23:59:59.999 | 2024-06-30
        cat      | 2024-07-01 23:59:59.999 | 2024-07-01
        dan      | 2024-07-02 00:00:00     | 2024-07-01
    """
}

test_a_window_of_one_day_is_the_day_itself = spec(
    Basket,
    as_of="2024-07-01",
    given=ONE_DAY,
    expect={
        "ann": dict(today=1, ever=1),
        "bob": dict(today=0, ever=1),
        "cat": dict(today=1, ever=1),
        "dan": dict(today=0, ever=0),
    },
)

test_on_the_next_day_the_window_has_moved_by_a_day = spec(
    Basket,
    as_of="2024-07-02",
    given=ONE_DAY,
    expect={"ann": dict(today=0, ever=1), "cat": dict(today=0, ever=1), "dan": dict(today=1, ever=1)},
)

test_a_time_with_an_offset_belongs_to_the_day_that_it_is_in_the_retailers_zone = spec(
    Basket,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at                | recorded_on
            ann      | 2024-06-30T16:00:00Z      | 2024-07-01
            bob      | 2024-06-30T15:59:59Z      | 2024-06-30
            cat      | 2024-06-30T12:00:00-04:00 | 2024-07-01
        """
    },
    expect={"ann": dict(today=1), "bob": dict(today=0), "cat": dict(today=1)},
)

# ann bought today, bob 40 days ago; cat never bought.
LATELY = {
    Orders: """
        customer | ordered_at | amount | channel
        ann      | 2024-07-01 | 120    | store
        ann      | 2024-06-11 | 60     | phone
        ann      | 2024-06-11 | 30     | online
        ann      | 2024-06-11 | 10     | null
        bob      | 2024-05-22 | 100    | phone
    """
}


def of_lately(**features):
    """A case with each feature of ann, bob and cat."""
    expected = {
        name: {feature: values[n] for feature, values in features.items()}
        for n, name in enumerate(("ann", "bob", "cat"))
    }
    return spec(Basket, as_of="2024-07-01", given=LATELY, expect=expected, tags=CARE)


test_with_nothing_in_the_window_a_count_is_0 = of_lately(nearby=(2, 0, 0), ever=(4, 1, 0))
test_with_nothing_in_the_window_a_sum_is_0 = of_lately(total=(220, 0, 0))
test_with_nothing_in_the_window_a_maximum_is_not_known = of_lately(largest=(120, None, None))
test_with_nothing_in_the_window_a_number_of_days_is_not_known = of_lately(oldest=(20, None, None))
test_with_nothing_in_the_window_a_product_with_a_sum_is_0 = of_lately(double=(440.0, 0.0, 0.0))


test_an_or_in_the_condition_of_a_feature_stays_within_its_window = of_lately(near=(2, 0, 0))
test_not_equal_in_the_condition_of_a_feature_counts_rows_of_which_it_is_not_known = of_lately(nor_online=(3, 0, 0))
test_unequal_in_the_condition_of_a_feature_counts_rows_of_which_it_is_not_known = of_lately(not_online=(3, 0, 0))

test_a_tag_is_false_of_those_of_whom_it_is_not_known = of_lately(large=(True, False, False))
test_a_negated_tag_is_true_of_those_of_whom_it_is_not_known = of_lately(
    small=(False, True, True), odd_too=(True, True, True)
)
test_an_unequal_tag_is_true_of_those_of_whom_it_is_not_known = of_lately(odd=(True, True, True))


class Layered(FeatureView):
    """A tag that builds on another."""

    entity, owner, over = Customer, "growth", Orders

    largest = Feature("max(amount)", "Largest.", unit="currency", type="decimal(18,2)")


test_a_tag_may_build_on_a_tag_of_its_scene = spec(
    Layered,
    tags=scene(
        "layers",
        small_buyer="layers.small and layered.largest > 0",
        small="not layered.largest >= 100",
    ),
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | amount
            ann      | 2024-06-20 | 100
            bob      | 2024-06-20 | 99.99
        """
    },
    expect={
        "ann": dict(small=False, small_buyer=False),
        "bob": dict(small=True, small_buyer=True),
        "cat": dict(small=True, small_buyer=False),
    },
)


class Mean(FeatureView):
    """The mean order of 30 days."""

    entity, owner, over, within = Customer, "growth", Orders, days(30)

    mean = Feature("sum(amount) / count(*)", "Mean.", unit="currency", type="double")


test_with_nothing_in_the_window_a_sum_divided_by_a_count_is_not_known = spec(
    Mean,
    as_of="2024-07-01",
    given=LATELY,
    expect={"ann": dict(mean=55.0), "bob": dict(mean=None), "cat": dict(mean=None)},
)


class Chosen(FeatureView):
    """Orders in a store, or large ones."""

    entity, owner, over, within = Customer, "growth", Orders, days(30)
    where = "channel = 'store' or amount >= 100"

    orders = Feature("count(*)", "Orders.", unit="orders")
    paid = Feature("count(*)", "Paid ones.", unit="orders", where="status = 'paid'")


test_an_or_in_the_condition_of_a_view_stays_within_its_windows = spec(
    Chosen,
    as_of="2024-07-01",
    given={
        Orders: """
            customer | ordered_at | status    | channel | amount
            ann      | 2024-06-20 | paid      | store   | 10
            ann      | 2024-06-20 | cancelled | online  | 100
            ann      | 2024-06-20 | paid      | online  | 10
            ann      | 2024-06-20 | paid      | null    | null
            ann      | 2024-05-20 | paid      | store   | 100
        """
    },
    expect={"ann": dict(orders=2, paid=1)},
)


class Shoes(FeatureView):
    """Lines with shoes."""

    entity, owner, over, within = Customer, "growth", OrderLines, days(30)

    pairs = Feature("sum(quantity)", "Pairs.", unit="pairs", where="products.category = 'shoes'")
    others = Feature("sum(quantity)", "Other pieces.", unit="pieces", where="not products.category = 'shoes'")
    colours = Feature("count(distinct products.colour)", "Colours.", unit="colours")


test_a_condition_may_name_a_column_of_the_product = spec(
    Shoes,
    as_of="2024-07-01",
    given={
        Products: """
            sku  | category | colour
            boot | shoes    | black
            pump | shoes    | red
            lamp | home     | red
            vase | null     | null
        """,
        OrderLines: """
            customer | ordered_at | sku  | quantity
            ann      | 2024-06-20 | boot | 2
            ann      | 2024-06-20 | pump | 1
            ann      | 2024-06-20 | lamp | 4
            ann      | 2024-06-20 | vase | 8
            ann      | 2024-06-20 | pan  | 16
        """,
    },
    expect={"ann": dict(pairs=3, others=28, colours=2)},
)


class Visits(FeatureView):
    """Visits to pages of 7 days."""

    entity, owner, over, within = Customer, "digital", Events, days(7)

    views = Feature("count(*)", "Views.", unit="views", where="kind = 'view' and not is_bot")
    pages = Feature("count(distinct page)", "Pages.", unit="pages")
    first_at = Feature("min(at)", "First.", type="timestamp")
    hours = Feature("sort_array(collect_set(hour(at)))", "Hours of the day.", type="array<bigint>")


test_a_view_may_be_over_events = spec(
    Visits,
    as_of="2024-07-01",
    given={
        Events: """
            customer | at                  | kind   | page | is_bot
            ann      | 2024-06-25 00:00:00 | view   | a    | false
            ann      | 2024-06-24 23:59:59 | view   | b    | false
            ann      | 2024-06-30 09:00:00 | view   | a    | true
            ann      | 2024-06-30 23:30:00 | search | c    | false
            bob      | 2024-06-30 09:00:00 | search | null | false
        """
    },
    expect={
        "ann": dict(views=1, pages=2, first_at="2024-06-25 00:00:00", hours=[0, 9, 23]),
        "bob": dict(views=0, pages=0, first_at="2024-06-30 09:00:00", hours=[9]),
        "cat": dict(views=0, pages=0, first_at=None),
    },
)


class Reached(FeatureView):
    """How messages reach."""

    entity, owner, over, within = Customer, "growth", Messages, days(90)

    sent = Feature("count(distinct message_id)", "Messages.", unit="messages", where="status = 'sent'")
    opened = Feature("count(distinct message_id)", "Messages opened.", unit="messages", where="status = 'opened'")
    rate = Feature(
        "count(distinct if(status = 'opened', message_id, null)) / nullif(count(distinct message_id), 0)",
        "Share of messages opened.",
        unit="share",
        type="double",
    )


test_a_message_counts_once_however_often_it_is_told_of = spec(
    Reached,
    tags=scene("reach", silent="reached.rate < 0.5"),
    as_of="2024-07-01",
    given={
        Messages: """
            customer | message_id | at         | status | channel
            ann      | 1          | 2024-06-01 | sent   | sms
            ann      | 1          | 2024-06-02 | opened | sms
            ann      | 2          | 2024-06-03 | sent   | sms
            bob      | 3          | 2024-06-03 | sent   | sms
        """
    },
    expect={
        "ann": dict(sent=2, opened=1, rate=0.5, silent=False),
        "bob": dict(sent=1, opened=0, rate=0.0, silent=True),
    },
)


class Ratio(FeatureView):
    """Paid per piece."""

    entity, owner, over, within = Customer, "growth", Orders, days(365)

    per_piece = Feature("sum(amount) / sum(pieces)", "Paid per piece.", unit="currency", type="double")


test_a_feature_that_divides_by_0_for_one_customer_is_not_known_of_that_customer = spec(
    Ratio,
    as_of="2024-07-01",
    given={
        Orders: """
                customer | ordered_at | amount | pieces
                ann      | 2024-06-20 | 50     | 2
                bob      | 2024-06-20 | 50     | 0
            """
    },
    expect={"ann": dict(per_piece=25.0), "bob": dict(per_piece=None)},
)
