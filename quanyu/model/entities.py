"""Entities: customers, and whatever else of the business is described and scored."""

from __future__ import annotations

from quanyu.grammar.entity import Entity
from quanyu.model.outlets import Outlets
from quanyu.model.people import Customers
from quanyu.model.supply import Staff, Stores
from quanyu.model.trade import Products


class Customer(Entity):
    """A customer (客户): all records that identity resolution joins."""

    table, key, resolved = Customers, "customer_id", True


class Outlet(Entity):
    """An outlet (终端): a shop of somebody else that sells the house's goods."""

    table, key = Outlets, "outlet"


class PhysicalStore(Entity):
    """A store (门店) of the house or of a franchisee."""

    table, key, name = Stores, "store", "store"


class Product(Entity):
    """An item (商品) by its SKU."""

    table, key = Products, "sku"


class Style(Entity):
    """A style (款): one garment in all its sizes and colours."""

    table, key = Products, "style"


class StaffMember(Entity):
    """A guide (导购), manager or dealer."""

    table, key, name = Staff, "staff", "staff"
