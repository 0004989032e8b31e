"""Features of outlets and products: entities that facts lead to by a column of their own."""

from specification import spec

from features.outlet_orders import OutletOrders
from features.product_sales import ProductSales
from quanyu.model.outlets import Outlets
from quanyu.model.supply import SellIn
from quanyu.model.trade import OrderLines, Products

test_an_outlet_is_measured_by_its_orders_and_is_there_without_any = spec(
    OutletOrders,
    as_of="2024-07-01",
    given={
        Outlets: """
            outlet
            north
            south
        """,
        SellIn: """
            order_id | line | outlet | sku | quantity | amount | ordered_on
            1        | 1    | north  | tea | 10       | 50     | 2024-06-30
            1        | 2    | north  | nut | 5        | 20     | 2024-06-30
            2        | 1    | north  | tea | 1        | 5      | 2024-04-03
            3        | 1    | north  | tea | 7        | 35     | 2024-04-02
            4        | 1    | east   | tea | 9        | 45     | 2024-06-30
        """,
    },
    expect={
        "north": dict(orders=2, pieces=16, amount=75, days_since_order=1),
        "south": dict(orders=0, pieces=0, amount=0, days_since_order=None),
        # No list of outlets has it.
        "east": None,
    },
)

test_a_product_is_measured_by_its_sales = spec(
    ProductSales,
    as_of="2024-07-01",
    given={
        Products: """
            sku
            tea
            nut
        """,
        OrderLines: """
            customer | order_id | line | sku | quantity | amount | ordered_at | status    | kind
            ann      | 1        | 1    | tea | 2        | 20     | 2024-06-30 | paid      | sale
            bob      | 2        | 1    | tea | 1        | 10     | 2024-06-02 | paid      | sale
            bob      | 3        | 1    | tea | 4        | 40     | 2024-06-01 | paid      | sale
            ann      | 4        | 1    | tea | 1        | 10     | 2024-06-30 | cancelled | sale
            null     | 5        | 1    | tea | 1        | 10     | 2024-06-30 | paid      | sale
        """,
    },
    expect={
        "tea": dict(lines=3, pieces=4, revenue=40, pieces_365d=8, days_since_sale=1),
        "nut": dict(lines=0, pieces=0, revenue=0, pieces_365d=0, days_since_sale=None),
    },
)
