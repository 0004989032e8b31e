"""The files of a day, as each of the retailer's systems would send them, with the flaws that such systems have."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sample.catalogue import month_of
from sample.population import Person
from sample.trade import STORES, Basket, Line, Trade

DUMMY_PHONE = "13800000000"
# The till of this store writes a comma for the decimal point.
COMMA_STORE = "S04"
MEMBERS = (
    "member_no", "name", "phone", "email", "gender", "birthday", "city",
    "joined_on", "ads_consent", "message_consent", "updated_at",
)  # fmt: skip
POS = ("receipt_no", "line_no", "sold_at", "store_no", "card_no", "mobile", "item_code", "quantity", "amount")
FULL_WIDTH = {ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"}


@dataclass
class Truth:
    """What the files do not say: whose each record is, and which rows are flawed on purpose (rows count from 1)."""

    records: list[tuple[str, str, str]] = field(default_factory=list)
    flaws: list[tuple[str, str, int, str]] = field(default_factory=list)

    def owns(self, feed: str, key: str, person: Person | None) -> None:
        """Remember who stands behind a record; strangers have no name even here."""
        self.records.append((feed, key, "" if person is None else f"P{person.number:06d}"))


@dataclass(frozen=True)
class Out:
    """Where a day's files go (nowhere when the day lies there already), and the truth about them."""

    landing: Path | None
    truth: Truth

    def write(self, name: str, content: bytes) -> None:
        """Write a file under landing."""
        if self.landing is None:
            return
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_day(trade: Trade, day: int, out: Out) -> None:
    """Write every feed's files of one day; a feed with nothing to say writes none."""
    rng = np.random.default_rng([trade.seed, 4, day])
    _members(trade, day, out)
    _shop(trade, day, out, rng)
    for store in STORES:
        _pos(trade, day, out, store, rng)
    if trade.date(day).day == 1 or day == 0:
        _products(trade, day, out)


def _members(trade: Trade, day: int, out: Out) -> None:
    name = f"crm/{trade.date(day)}/members.csv"
    rows = []
    for person in trade.people:
        for number, joined in person.member_nos:
            if not _is_news(person, joined, day):
                continue
            rows.append(_member(trade, person, number, joined, day))
            out.truth.owns("crm", number, person)
            if person.birthday == "1900-01-01":
                out.truth.flaws.append(("crm", name, len(rows), "dummy birthday"))
    if rows:
        out.write(name, _csv(MEMBERS, rows).encode("gb18030"))


def _is_news(person: Person, joined: int, day: int) -> bool:
    changed = any(change.day == day and joined < day for change in person.changes)
    return joined == day or changed or (day == 0 and joined < 0)


def _member(trade: Trade, person: Person, number: str, joined: int, day: int) -> list[str]:
    told = [change.day for change in person.changes if joined <= change.day <= day]
    at = trade.date(max([joined, *told]))
    clock = f"{9 + person.number % 12:02d}:{person.number * 7 % 60:02d}:{person.number * 13 % 60:02d}"
    phone = _styled(person.now("phone", day), person.phone_style)
    consents = [person.now(name, day) for name in ("ads_consent", "message_consent")]
    about = [number, person.name, phone, person.email, person.gender, person.birthday, person.now("city", day)]
    return [*about, str(trade.date(joined)), *consents, f"{at} {clock}"]


def _styled(phone: str, style: int) -> str:
    spaced = f"{phone[:3]} {phone[3:7]} {phone[7:]}"
    return (phone, spaced, f"+86{phone}", phone.translate(FULL_WIDTH))[style]


def _pos(trade: Trade, day: int, out: Out, store: str, rng: np.random.Generator) -> None:
    name = f"pos/{trade.date(day)}/{store}.csv"
    all_baskets = [*trade.baskets(day), *trade.returns(day)]
    baskets = sorted((basket for basket in all_baskets if basket.store == store), key=lambda basket: basket.second)
    rows: list[list[str]] = []
    for number, basket in enumerate(baskets, 1):
        receipt = f"{trade.date(day):%y%m%d}{number:04d}"
        out.truth.owns("pos", f"{store}-{receipt}", basket.person)
        card, mobile = _shown(basket.person, day, rng)
        head = [f"{trade.date(day)} {_clock(basket)}", store, card, mobile]
        for place, line in enumerate(basket.lines, 1):
            row, flaw = _spoiled([receipt, str(place), *head, *_sold(line, store)], rng)
            rows.append(row)
            flaw = "dummy phone" if mobile == DUMMY_PHONE and not flaw else flaw
            out.truth.flaws.extend([("pos", name, len(rows), flaw)] if flaw else [])
    if rows:
        out.write(name, _csv(POS, rows).encode())


def _shown(person: Person | None, day: int, rng: np.random.Generator) -> tuple[str, str]:
    """Return the card and the mobile that the till gets to see."""
    chance, told = rng.random(2)
    held = [number for number, joined in person.member_nos if joined <= day] if person else []
    card = held[-1] if held and chance < 0.92 else ""
    if told < 0.01:
        return card, DUMMY_PHONE
    asked = person is not None and told < (0.12 if card else 0.5)
    return card, person.now("phone", day) if person and asked else ""


def _sold(line: Line, store: str) -> list[str]:
    amount = _yuan(line.amount)
    return [line.product.code, str(line.quantity), amount.replace(".", ",") if store == COMMA_STORE else amount]


def _spoiled(row: list[str], rng: np.random.Generator) -> tuple[list[str], str]:
    """Return the row as it is sent, and its flaw if it has one."""
    chance = rng.random()
    if chance < 0.0015:
        return [*row, "促销"], "surplus field"
    if chance < 0.0035:
        return [*row[:-1], "N/A"], "amount"
    if chance < 0.0055:
        return [*row[:-3], "", *row[-2:]], "item_code"
    return row, ""


def _shop(trade: Trade, day: int, out: Out, rng: np.random.Generator) -> None:
    name = f"shop/{trade.date(day)}/orders.jsonl"
    lines: list[str] = []
    online = [(basket, basket.person) for basket in trade.baskets(day) if basket.store is None and basket.person]
    for number, (basket, person) in enumerate(online, 1):
        order = f"O{trade.date(day):%y%m%d}{number:05d}"
        out.truth.owns("shop", order, person)
        at = f"{trade.date(day)}T{_clock(basket)}+08:00"
        head = {"created_at": at, **_buyer(person, day, rng)}
        for place, line in enumerate(basket.lines, 1):
            body = {"item_code": line.product.code, "quantity": line.quantity, "amount": line.amount / 100}
            text, flaw = _spoiled_json({"order_no": order, "line": place, **head, **body}, rng)
            lines.append(text)
            out.truth.flaws.extend([("shop", name, len(lines), flaw)] if flaw else [])
    if lines:
        out.write(name, "".join(f"{line}\n" for line in lines).encode())


def _buyer(person: Person, day: int, rng: np.random.Generator) -> dict[str, Any]:
    cancelled, no_phone, no_mail, prefixed = rng.random(4)
    phone = person.now("phone", day)
    no_phone = no_phone if person.email else 1
    return {
        "status": "cancelled" if cancelled < 0.05 else "paid",
        "buyer_phone": None if no_phone < 0.06 else f"+86-{phone}" if prefixed < 0.1 else phone,
        "buyer_email": person.email if person.email and no_mail < 0.7 else None,
        "buyer_nick": person.nick,
        "city": person.now("city", day),
    }


def _spoiled_json(row: dict[str, Any], rng: np.random.Generator) -> tuple[str, str]:
    chance, flaw = rng.random(), ""
    if chance < 0.002:
        row, flaw = {**row, "item_code": None}, "item_code"
    elif chance < 0.004:
        row, flaw = {**row, "amount": "待定"}, "amount"
    text = json.dumps(row, ensure_ascii=False)
    return (text[:-9], "cut off") if 0.004 <= chance < 0.005 else (text, flaw)


def _products(trade: Trade, day: int, out: Out) -> None:
    month = month_of(trade.start, trade.date(day))
    sold = [product for product in trade.products if product.enters <= month]
    money = pa.decimal128(10, 2)
    texts: dict[str, Callable[[Any], str]] = {
        "item_code": lambda product: product.code,
        "name": lambda product: product.name,
        "category": lambda product: product.category,
        "series": lambda product: product.series,
    }
    columns = {name: pa.array([text(product) for product in sold]) for name, text in texts.items()}
    columns["list_price"] = pa.array([Decimal(product.price_in(month)) / 100 for product in sold], money)
    columns["cost"] = pa.array([Decimal(product.cost) / 100 for product in sold], money)
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    out.write(f"catalogue/{trade.date(day)}/products.parquet", buffer.getvalue())


def _clock(basket: Basket) -> str:
    return str(timedelta(seconds=basket.second)).rjust(8, "0")


def _yuan(amount: int) -> str:
    return f"{Decimal(amount) / 100:.2f}"


def _csv(header: tuple[str, ...], rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def day_of(trade: Trade, day: date) -> int:
    """Return the number of a date, counted from the opening."""
    return (day - trade.start).days
