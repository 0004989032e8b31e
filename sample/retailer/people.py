"""The customers: columns by person index, drawn once from the seed; texts are computed when they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import pick, rng, scatter, uniform
from sample.columns.strings import choose, digits, join, opaque, when
from sample.retailer.places import CITY_SHARES, GUIDES, NEVER, StoreNetwork, names
from sample.retailer.style_words import drawn_words
from sample.retailer.words import CITIES, MAILS, NEW_PREFIXES, NICKS, OLD_PREFIXES, SIZES

BLOCK = 65_536
FEMALE, MALE = 0, 1
# Share of each size, XS to 4XL, among women and among men, after the size curves of Chinese brands.
SIZE_CURVE = ((0.08, 0.22, 0.30, 0.21, 0.11, 0.05, 0.02, 0.01), (0.02, 0.08, 0.22, 0.28, 0.21, 0.11, 0.06, 0.02))
TASTES = ((2.6, 0.5, 1.1, 0.8, 0.9, 0.8), (0.5, 2.6, 1.2, 0.4, 0.6, 0.6))
BASE_RATE, BASE_SHAPE = 0.0135, 0.85


@dataclass
class Population:
    """The population, one row per person index 0..n-1.

    `birth` days since 1970; `rate` purchases a day before any factor; `taste` (n, 6) shares over categories;
    `style_words` the bits of STYLE_WORDS that they prefer;
    `channels` (n, 4) shares over store, shop, market, mall; `elasticity` multiplies a category's (mean 1);
    `household` the person whose phone a member record shows (-1: their own); days count from the start and
    are 1,000,000 for never; `member` and `app` say who ever becomes a member or opens the mini-program.
    """

    seed: int
    sex: Array
    birth: Array
    city: Array
    store: Array
    slot: Array
    size: Array
    shoe: Array
    rate: Array
    leave: Array
    taste: Array
    style_words: Array
    channels: Array
    elasticity: Array
    impulse: Array
    reach: Array
    purse: Array
    active: Array
    member: Array
    app: Array
    wecom: Array
    household: Array
    new_phone: Array
    second_card: Array
    merged: Array

    def __len__(self) -> int:
        return len(self.sex)

    def person(self, index: Array) -> Any:
        """Return the persons' ids in the truth, `P0000012`; "" for -1, a stranger."""
        return when(np.asarray(index) < 0, "", join("P", digits(np.maximum(index, 0), 7)))

    def name(self, index: Array) -> Any:
        """Return the full names."""
        return names(self.seed, "person", index)

    def phone(self, index: Array, day: int | Array) -> Any:
        """Return the eleven-digit phone of each person on a day."""
        index = np.asarray(index, dtype=np.int64)
        mixed, later = scatter(self.seed, "phone", index), self.new_phone[index] <= day
        body = (index * 7_654_321 + np.where(later, 55_555_555, 12_345_678)) % 10**8
        old = choose(OLD_PREFIXES, (mixed % np.uint64(len(OLD_PREFIXES))).astype(int))
        new = choose(NEW_PREFIXES, (mixed % np.uint64(len(NEW_PREFIXES))).astype(int))
        return join(when(later, new, old), digits(body, 8))

    def member_phone(self, index: Array, day: int | Array) -> Any:
        """Return the phone on the member record; families share one person's phone."""
        index = np.asarray(index)
        shared = self.household[index]
        return self.phone(np.where(shared >= 0, shared, index), day)

    def masked(self, index: Array, day: int | Array) -> Any:
        """Return the phone as platforms show it, `138****1234`."""
        phone = self.phone(index, day)
        return join(pa.compute.utf8_slice_codeunits(phone, 0, 3), "****", pa.compute.utf8_slice_codeunits(phone, 7, 11))

    def email(self, index: Array) -> Any:
        """Return the e-mail addresses, null for the third who never gave one."""
        mixed = scatter(self.seed, "email", index)
        address = join(
            "u",
            digits(mixed % np.uint64(900_000), 6),
            digits(np.asarray(index), 7),
            "@",
            choose(MAILS, (mixed >> np.uint64(32)).astype(np.int64) % 4),
        )
        return when(uniform(self.seed, "has email", index) < 0.62, address, None)

    def nick(self, index: Array) -> Any:
        """Return the unmasked nicknames of the web shop."""
        mixed = scatter(self.seed, "nick", index)
        return join(
            choose(NICKS, (mixed % np.uint64(len(NICKS))).astype(int)),
            digits((mixed >> np.uint64(20)) % np.uint64(10_000), 4),
        )

    def member_no(self, index: Array, second: Array | bool = False) -> Any:
        """Return the numbers of first or second cards, whether or not the card was ever issued."""
        number = (np.asarray(index, dtype=np.int64) * 48_271 + 10_000_019) % 10**8
        return join(when(np.broadcast_to(second, number.shape), "M2", "M1"), digits(number, 8))

    def openid(self, index: Array) -> Any:
        """Return the mini-program's ids."""
        return join("oQy", opaque(scatter(self.seed, "openid", index), 25))

    def unionid(self, index: Array) -> Any:
        """Return the ids that connect mini-program, WeCom and member records."""
        return join("uQy", opaque(scatter(self.seed, "unionid", index), 25))

    def external_userid(self, index: Array) -> Any:
        """Return WeCom's contact ids."""
        return join("wmQ", opaque(scatter(self.seed, "external", index), 29))

    def ouid(self, index: Array) -> Any:
        """Return the web shop's opaque buyer ids."""
        return join("AA", opaque(scatter(self.seed, "ouid", index), 22))

    def pin(self, index: Array) -> Any:
        """Return the second marketplace's opaque buyer ids."""
        return join("jd_", opaque(scatter(self.seed, "pin", index), 16, hexadecimal=True))

    def device(self, index: Array) -> Any:
        """Return the ids of the devices in use."""
        return opaque(scatter(self.seed, "device", index), 24, hexadecimal=True)

    def city_name(self, index: Array) -> Any:
        """Return the names of the cities of residence."""
        return choose(CITIES, self.city[index])

    def size_name(self, index: Array) -> Any:
        """Return the clothing sizes, XS to 4XL."""
        return choose(SIZES, self.size[index])


def draw_people(customers: int, seed: int, stores: StoreNetwork) -> Population:
    """Return the population, drawn in blocks to limit memory."""
    blocks = [_block(seed, first, min(BLOCK, customers - first), stores) for first in range(0, customers, BLOCK)]
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return Population(seed=seed, **columns)


def _block(seed: int, first: int, count: int, stores: StoreNetwork) -> dict[str, Array]:
    draw = rng(seed, "people", first // BLOCK)
    sex = np.where(draw.random(count) < 0.66, FEMALE, MALE).astype(np.int8)
    age = np.clip(draw.gamma(9.0, 3.9, count), 17, 78)
    store = pick(stores.weight, draw.random(count)).astype(np.int16)
    elsewhere = draw.random(count) < 0.15
    city = np.where(elsewhere, pick(CITY_SHARES, draw.random(count)), stores.city[store]).astype(np.int8)
    size = np.where(sex == FEMALE, pick(SIZE_CURVE[0], draw.random(count)), pick(SIZE_CURVE[1], draw.random(count)))
    member = draw.random(count) < 0.8
    return {
        "sex": sex,
        "birth": (19_700 - age * 365.25).astype(np.int32),
        "city": city,
        "store": store,
        "slot": draw.integers(GUIDES, size=count).astype(np.int8),
        "size": size.astype(np.int8),
        "shoe": np.clip(np.round(draw.normal(2.4, 1.2, count)), 0, 5).astype(np.int8),
        "rate": (draw.gamma(BASE_SHAPE, BASE_RATE / BASE_SHAPE, count) + 0.0003).astype(np.float32),
        "leave": draw.lognormal(-0.1, 0.45, count).astype(np.float32),
        "taste": _tastes(draw, sex),
        "style_words": drawn_words(seed, "person's style words", first + np.arange(count)),
        "channels": _channels(draw, member),
        **_behaviour(draw, count),
        "member": member,
        **_cards(draw, first, count),
    }


def _tastes(draw: np.random.Generator, sex: Array) -> Array:
    shapes = np.where(sex[:, None] == FEMALE, np.array(TASTES[0]), np.array(TASTES[1]))
    weights = draw.standard_gamma(shapes) + 0.01
    return np.asarray((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def _channels(draw: np.random.Generator, member: Array) -> Array:
    """Draw channels: store only, online only, or both; non-members seldom use the mini-program."""
    kind = pick((0.34, 0.2, 0.46), draw.random(len(member)))
    weights = draw.standard_gamma(np.array([2.3, 1.4, 0.6, 0.9]), (len(member), 4)) + 1e-4
    weights[:, 3] *= np.where(member, 1.0, 0.1)
    weights[kind == 0, 1:] = 0
    weights[kind == 1, 0] = 0
    return np.asarray((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def _behaviour(draw: np.random.Generator, count: int) -> dict[str, Array]:
    return {
        "elasticity": draw.gamma(4.0, 0.25, count).astype(np.float32),
        "impulse": draw.beta(2.0, 4.0, count).astype(np.float32),
        "reach": draw.beta(3.0, 2.0, count).astype(np.float32),
        "purse": draw.lognormal(-0.08, 0.4, count).astype(np.float32),
        "active": draw.random(count) < 0.5,
        "app": draw.random(count) < 0.62,
        "wecom": draw.random(count) < 0.38,
    }


def _cards(draw: np.random.Generator, first: int, count: int) -> dict[str, Array]:
    """Draw families as neighbours in the block: one person in forty heads one; the next one or two show that phone."""
    index = np.arange(count)
    head = (draw.random(count) < 0.025) & (index % 3 == 0)
    second = np.roll(head, 1) & (index % 3 == 1)
    third = np.roll(head & (draw.random(count) < 0.3), 2) & (index % 3 == 2)
    household = np.where(second, first + index - 1, np.where(third, first + index - 2, -1))
    changes = draw.random(count) < 0.12
    has_second = draw.random(count) < 0.02
    later = 60 + draw.integers(0, 240, size=count)
    return {
        "household": household.astype(np.int32),
        "new_phone": np.where(changes, draw.integers(1, 900, size=count), NEVER).astype(np.int32),
        "second_card": np.where(has_second, later, NEVER).astype(np.int32),
        "merged": np.where(has_second, later + draw.integers(30, 120, size=count), NEVER).astype(np.int32),
    }
