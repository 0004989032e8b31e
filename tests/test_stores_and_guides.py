"""A daily run describes stores, guides, items and styles, and guides by what is done under their user id in WeCom."""

from shop import Retailer

STORES = """
describes: Stores.
owner: retail
reads: {path: "stores/{day}.csv", format: csv}
delivers: snapshot
freshness: none
deleted_when: absent
fills:
  stores: {store: store, area: area}
"""
STAFF = """
describes: Who works in stores.
owner: retail
reads: {path: "staff/{day}.csv", format: csv}
delivers: snapshot
freshness: none
deleted_when: absent
volume: {at_least: 0}
fills:
  staff: {staff: number, wecom_user: user, role: "'guide'", store: store, hired_on: "date'2020-01-01'"}
"""
CONTACTS = """
describes: Contacts of guides in WeCom.
owner: private_domain
reads: {path: "contacts/{day}.csv", format: csv}
delivers: changes
freshness: none
person: [{kind: external_userid, scope: corp, value: person}]
fills:
  contacts: {staff_user: user, added_at: "cast(added as timestamp)"}
"""
RECEIPTS = """
describes: Till receipts.
owner: retail
reads: {path: "receipts/{day}.csv", format: csv}
delivers: events
freshness: none
person: [{kind: phone, value: phone}]
fills:
  orders:
    {order_id: slip, ordered_at: "cast(at as timestamp)", kind: "'purchase'", status: "'paid'", amount: paid,
     store: store, guide: guide}
  order_lines:
    {order_id: slip, line: "1", ordered_at: "cast(at as timestamp)", kind: "'sale'", status: "'paid'", sku: sku,
     quantity: "2", amount: paid}
"""
PRODUCTS = """
describes: What is sold.
owner: merchandise
reads: {path: "products/{day}.csv", format: csv}
delivers: snapshot
freshness: none
deleted_when: absent
fills:
  products: {sku: sku, style: style, size: size, category: "'coats'", list_price: price}
"""
STOCK = """
describes: What there is.
owner: supply
reads: {path: "stock/{day}.csv", format: csv}
delivers: snapshot
freshness: none
deleted_when: absent
fills:
  stock: {place: place, sku: sku, on_hand: pieces}
"""
FIRST, SECOND = "2024-07-01", "2024-07-02"
FILES = {
    f"stores/{FIRST}": "store,area\nnorth,20\nsouth,10",
    # A full-width digit, as spreadsheets give it.
    f"staff/{FIRST}": "number,user,store\neva,w1,north\nfay,w２,south",
    f"staff/{SECOND}": "number,user,store\neva,,north\nfay,w1,south",
    f"contacts/{FIRST}": "person,user,added\np1,w1,2024-06-30 10:00:00\np2,w1,2024-01-01 10:00:00\n"
    "p3,w2,2024-01-01 10:00:00",
    f"receipts/{FIRST}": "slip,at,phone,paid,store,guide,sku\n1,2024-06-30 10:00:00,13765432101,40,north,eva,c-m\n"
    "2,2024-06-30 11:00:00,13765432101,60,north,eva,c-s\n3,2024-06-30 11:00:00,13765432102,10,web,,c-s",
    f"products/{FIRST}": "sku,style,size,price\nc-s,coat,S,10\nc-m,coat,M,20",
    f"stock/{FIRST}": "place,sku,pieces\nW01,c-s,0\nnorth,c-s,1\nW01,c-m,0",
}


def profile(shop: Retailer, entity: str, *columns: str) -> dict[str, tuple[object, ...]]:
    return {row[0]: row[1:] for row in shop.rows(f"gold/profile_{entity}", entity, *columns)}


def test_a_day_describes_stores_guides_and_styles(retailer):
    sources = {"stores": STORES, "staff": STAFF, "contacts": CONTACTS, "receipts": RECEIPTS, "products": PRODUCTS,
               "stock": STOCK}  # fmt: skip
    for name, text in sources.items():
        retailer.declare(f"sources/{name}.yml", text)
    for path, text in FILES.items():
        retailer.land(f"{path}.csv", f"{text}\n")
    people = [f"features.{view.name}" for view in retailer.context(FIRST).catalogue.views.values()
              if not view.entity.resolved]  # fmt: skip
    steps = [*(f"ingest.{name}" for name in sources), *people, "profile.store", "profile.staff", "profile.style"]
    retailer.run(FIRST, *steps)
    assert profile(retailer, "store", "store_performance__sales_per_area", "store_team__guides") == {
        "north": (5.0, 1), "south": (0.0, 1),
    }  # fmt: skip
    contacts = ("guide_contacts__current", "guide_contacts__added_30d", "guide_clients__returning_share")
    assert profile(retailer, "staff", *contacts) == {"eva": (2, 1, 1.0), "fay": (1, 0, None)}
    assert profile(retailer, "style", "size_curve__missing", "size_curve__broken") == {"coat": (["M"], True)}

    # The user id of one guide goes to another, and with it the contacts.
    retailer.run(SECOND, *steps)
    assert profile(retailer, "staff", *contacts) == {"eva": (0, 0, 1.0), "fay": (3, 1, None)}
