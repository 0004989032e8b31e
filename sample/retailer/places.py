"""The stores with their staff, and the regions with their dealers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import pick, rng, scatter, uniform
from sample.columns.strings import choose, digits, join, opaque
from sample.retailer.words import CITIES, GIVEN, MALLS, NEW_PREFIXES, REGIONS, SURNAMES

CITY_SHARES = (0.2, 0.15, 0.1, 0.1, 0.06, 0.08, 0.07, 0.06, 0.06, 0.05, 0.04, 0.03)
GUIDES = 4
NEVER = 1_000_000
# The till of this store writes a decimal comma; this one reports three days late.
COMMA_STORE, LATE_STORE, LATE_BY = 3, 4, 3
ROLES = ("导购", "店长", "经销商", "区域经理")


@dataclass(frozen=True)
class StoreNetwork:
    """The own stores, by store index 0..n-1; `weight` sums to 1, `opened` in days from the start (negative)."""

    no: Any
    name: Any
    kind: Any
    city: Array
    area: Array
    opened: Array
    phone: Any
    weight: Array

    def __len__(self) -> int:
        return len(self.city)


@dataclass(frozen=True)
class Employees:
    """Everybody with a staff number, by staff index; `store` is -1 for dealers and regional managers.

    `hired` and `left` are days from the start (`left` is 1,000,000 for current staff); `role` indexes ROLES.
    """

    no: Any
    name: Any
    mobile: Any
    wecom: Any
    role: Array
    store: Array
    region: Any
    hired: Array
    left: Array

    def guide(self, store: Array, slot: Array, day: int) -> Array:
        """Return staff indices of the guides in store slots (0..3) on a day; a successor replaces a leaver."""
        first = (store * (GUIDES + 1) + 1 + slot) * 2
        return np.asarray(np.where(self.left[first] <= day, first + 1, first))


def draw_stores(customers: int, seed: int) -> StoreNetwork:
    """Return one store per 600 customers, from 5 to 120."""
    count = int(np.clip(customers / 600, 5, 120))
    draw, index = rng(seed, "stores"), np.arange(count)
    weight = np.sort(draw.lognormal(0, 0.45, count))[::-1]
    # The five largest cities come first, so that even the smallest retailer has stores in several.
    city = np.where(index < 5, index, pick(CITY_SHARES, draw.random(count)))
    kind = np.where(index % 4 == 2, 1, 0)
    name = join(
        "全域生活",
        choose(CITIES, city),
        choose(MALLS, draw.integers(len(MALLS), size=count)),
        digits(index % 9 + 1, 1),
        "店",
    )
    return StoreNetwork(
        no=join("S", pa.array([f"{number + 1:02d}" for number in range(count)])),
        name=name,
        kind=choose(("自营", "加盟"), kind),
        city=city,
        area=(weight / weight.mean() * 160 + 60).astype(np.int64),
        opened=-draw.integers(200, 2500, size=count),
        phone=join(
            "0", digits(21 + city * 5, 3), "-", digits(scatter(seed, "store phone", index) % np.uint64(10**8), 8)
        ),
        weight=weight / weight.sum(),
    )


def draw_staff(stores: StoreNetwork, seed: int) -> Employees:
    """Return a manager and four guides per store, each with a successor row for those who leave; then dealers."""
    seats = len(stores) * (GUIDES + 1)
    regions = sorted(set(REGIONS))
    store = np.concatenate([np.repeat(np.arange(len(stores)), (GUIDES + 1) * 2), np.full(len(regions) * 3, -1)])
    index = np.arange(len(store))
    in_store = index < seats * 2
    role = np.where(index // 2 % (GUIDES + 1) == 0, 1, 0)
    role = np.where(in_store, role, 2 + ((index - seats * 2) % 3 == 0))
    leaves = uniform(seed, "leaves", index // 2) < 0.15
    goes = 20 + (scatter(seed, "left", index // 2) % np.uint64(900)).astype(np.int64)
    successor = in_store & (index % 2 == 1)
    hired = np.where(
        successor, np.where(leaves, goes, NEVER), -(scatter(seed, "hired", index) % np.uint64(1500)).astype(int) - 1
    )
    area = np.array([regions.index(REGIONS[city]) for city in stores.city])
    region = np.where(in_store, area[np.maximum(store, 0)], np.maximum(index - seats * 2, 0) // 3)
    return Employees(
        no=join("E", digits(index + 1001, 5)),
        name=names(seed, "staff", index),
        mobile=join(choose(NEW_PREFIXES, index % len(NEW_PREFIXES)), digits(90_000_000 + index * 37, 8)),
        wecom=join("wx", opaque(scatter(seed, "wecom", index), 10)),
        role=role,
        store=store,
        region=choose(regions, region),
        hired=hired,
        left=np.where(in_store & ~successor & leaves, goes, NEVER),
    )


def names(seed: int, purpose: str, index: Array) -> Any:
    """Return a Chinese name for each number."""
    mixed = scatter(seed, f"{purpose} name", index)
    parts = [
        choose(words, ((mixed >> np.uint64(shift)) % np.uint64(len(words))).astype(int))
        for words, shift in ((SURNAMES, 3), (GIVEN, 13), (GIVEN, 33))
    ]
    short = (mixed >> np.uint64(50)) % np.uint64(4) == 0
    third = choose(GIVEN, np.where(short, -1, ((mixed >> np.uint64(33)) % np.uint64(len(GIVEN))).astype(int)))
    return join(parts[0], parts[1], third)
