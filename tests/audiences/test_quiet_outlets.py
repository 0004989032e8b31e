"""quiet_outlets: outlets that used to order and stopped."""

from specification import rule, spec

from quanyu.model.outlets import Outlets
from quanyu.model.supply import SellIn

OUTLETS = """
    outlet | city
    north  | Harbin
    south  | Sanya
    east   | Ningbo
    west   | Lhasa
"""
DELIVERIES = """
    order_id | line | outlet | sku | quantity | ordered_on
    1        | 1    | north  | tea | 10       | 2024-03-01
    2        | 1    | north  | tea | 10       | 2024-04-01
    3        | 1    | north  | tea | 10       | 2024-05-31
    4        | 1    | south  | tea | 10       | 2024-03-01
    5        | 1    | south  | tea | 10       | 2024-04-01
    6        | 1    | south  | tea | 10       | 2024-06-01
    7        | 1    | east   | tea | 10       | 2024-04-01
    7        | 2    | east   | nut | 10       | 2024-04-01
    8        | 1    | east   | tea | 10       | 2024-05-01
"""

test_quiet_outlets_holds_who_ordered_three_times_a_year_and_is_silent_for_over_30_days = spec(
    "quiet_outlets",
    as_of="2024-07-01",
    given={Outlets: OUTLETS, SellIn: DELIVERIES},
    expect={
        "north": dict(orders_year=3, inside=True, holdout=False),
        "south": dict(orders_year=3, inside=False),
        "east": dict(orders_year=2, inside=False),
        "west": dict(orders_year=0, inside=False),
    },
)

test_a_rule_about_outlets_names_their_own_columns = spec(
    rule("outlet.city = 'Sanya' or pieces >= 30", entity="outlet", pieces=dict(over="sell_in", value="sum(quantity)")),
    as_of="2024-07-01",
    given={Outlets: OUTLETS, SellIn: DELIVERIES},
    expect={
        "north": dict(inside=True, pieces=30),
        "south": dict(inside=True, pieces=30),
        "east": dict(inside=True, pieces=30),
        "west": dict(inside=False, pieces=0),
    },
)
