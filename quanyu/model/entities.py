"""Entities: customers, and whatever else of the business is described and scored."""

from __future__ import annotations

from collections.abc import Mapping

from quanyu.grammar.entity import Entity
from quanyu.grammar.table import Column, Table
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

    @classmethod
    def attributes(cls, tables: Mapping[str, type[Table]]) -> dict[str, Column]:
        """Columns that all items of a style share."""
        columns = super().attributes(tables)
        return {name: column for name, column in columns.items() if name not in ("sku", "size", "colour")}


class StaffMember(Entity):
    """A guide (导购), manager or dealer."""

    table, key, name = Staff, "staff", "staff"
