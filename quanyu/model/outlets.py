"""The dealer business: outlets (终端), shelf visits, scans by consumers, and rivals' sales."""

from __future__ import annotations

from quanyu.grammar.table import HAPPENED, MONEY, PLANNED, Column, Table

OUTLET = Column("string", "The outlet.", required=True, references="outlets")


class Outlets(Table):
    """One shop of another company that sells our goods."""

    layer = "silver"
    owner = "channel"
    keys = ("outlet",)
    person_columns = {"representative": "representative"}

    outlet = Column("string", "Number of the outlet.", required=True)
    outlet_name = Column("string", "Name of the outlet.")
    kind = Column("string", "Kind of shop.", values=("supermarket", "convenience", "mother_baby", "specialty"))
    city = Column("string", "City it is in.")
    region = Column("string", "Sales region (大区).")
    dealer = Column("string", "Dealer who supplies it.")
    representative = Column("string", "Representative who visits it.", pii=True)
    opened_on = Column("date", "Day from which it is supplied.", days=PLANNED)


class ShelfVisits(Table):
    """One visit of a representative to an outlet."""

    layer = "silver"
    owner = "channel"
    keys = ("visit_id",)
    person_columns = {"representative": "representative"}
    event_time = "visited_at"

    visit_id = Column("string", "Key of the visit.", required=True)
    outlet = OUTLET
    visited_at = Column("timestamp", "When.", days=HAPPENED, required=True)
    representative = Column("string", "Who visited.", pii=True)
    shelf_share = Column("double", "Share of the category's shelf with our products.", unit="share",
                         at_least=0, at_most=1)  # fmt: skip


class ShelfChecks(Table):
    """The check of one item during a visit."""

    layer = "silver"
    owner = "channel"
    keys = ("visit_id", "sku")
    event_time = "visited_at"

    visit_id = Column("string", "Key of the visit.", required=True)
    sku = Column("string", "Item code.", required=True, references="products")
    outlet = OUTLET
    visited_at = Column("timestamp", "When.", days=HAPPENED, required=True)
    on_hand = Column("bigint", "Pieces in shelf and back room.", unit="pieces", at_least=0)
    facings = Column("bigint", "Pieces side by side at the front of the shelf.", unit="facings", at_least=0)


class Scans(Table):
    """One scan of the code on a single item (一物一码)."""

    layer = "silver"
    owner = "channel"
    personal = True
    keys = ("scan_id",)
    event_time = "scanned_at"

    scan_id = Column("string", "Key of the scan.", required=True)
    code = Column("string", "Code of the single item.", required=True)
    sku = Column("string", "Item code.", references="products")
    outlet = Column("string", "Outlet that the item was delivered to.", references="outlets")
    city = Column("string", "City of the scan. A city other than the outlet's suggests diversion (窜货).")
    scanned_at = Column("timestamp", "When.", days=HAPPENED, required=True)


class RivalSales(Table):
    """Weekly sales of a rival's or a related brand at an outlet."""

    layer = "silver"
    owner = "channel"
    keys = ("week_from", "outlet", "brand", "category")
    event_time = "week_from"

    week_from = Column("date", "Monday of the week.", days=HAPPENED, required=True)
    outlet = OUTLET
    brand = Column("string", "Brand.", required=True)
    category = Column("string", "Category.", required=True)
    relation = Column("string", "Whether the brand competes with ours or is related.", values=("rival", "related"))
    quantity = Column("bigint", "Pieces sold.", unit="pieces", at_least=0)
    amount = Column(MONEY, "Sales value.", unit="currency")
