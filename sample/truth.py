"""The truth about people that no feed contains: who everybody is, their state, and their future purchases."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from sample.columns.strings import choose, when
from sample.events import campaigns
from sample.events.considering import deliberation
from sample.retailer.assortment import ELASTICITY
from sample.retailer.outlets import write_outlet_states
from sample.retailer.people import SIZE_CURVE
from sample.retailer.places import NEVER
from sample.retailer.style_words import words_text
from sample.retailer.words import CATEGORIES, OLD_CODES, SHOES, SIZES
from sample.trade import lives
from sample.world import World
from sample.write import Truth

SEXES = ("female", "male")
# Stages of AARRR, by what a customer did since the start: the last one that holds counts.
STAGES = ("acquisition", "activation", "retention", "revenue", "referral")
LARGE, CROSS = 200_000, 3
# Bounds of deliberation: below the first a shopper is impulsive, from the second on rational.
SHOPPERS, BOUNDS = ("impulsive", "mixed", "rational"), (0.4, 0.6)


def write_states(world: World, truth: Truth) -> None:
    """Write everybody's state and AARRR stage after the last simulated day, what follows, and outlets' states."""
    everybody = np.arange(len(world.people))
    columns = {
        "person": world.people.person(everybody),
        "state": choose(lives.STATES, world.state.astype(int)),
        "p_purchase_90": lives.buy_probability(world, world.day + 1, lives.WINDOW, everybody),
        "stage": choose(STAGES, stages(world)), "orders": world.bought, "spent": world.paid,
        "categories": _categories(world), "brought_buyers": _brought(world, world.bought > 0),
    }  # fmt: skip
    truth.write(f"states/{world.date(world.day)}.parquet", pa.table(columns))
    write_outlet_states(world, truth)


def stages(world: World) -> np.ndarray:
    """Return int64 (persons,): the index into STAGES after the last simulated day; -1 for who is unaware."""
    repeats = world.bought >= 2
    holds = (
        world.state != lives.UNAWARE, world.bought >= 1, repeats,
        repeats & ((world.paid >= LARGE) | (_categories(world) >= CROSS)), _brought(world, world.bought > 0) > 0,
    )  # fmt: skip
    return np.asarray(np.max([np.where(mask, place, -1) for place, mask in enumerate(holds)], axis=0))


def _categories(world: World) -> np.ndarray:
    """Return int64 (persons,): the number of categories bought since the start."""
    return np.asarray((world.categories[:, None] >> np.arange(6) & 1).sum(axis=1))


def _brought(world: World, mask: np.ndarray) -> np.ndarray:
    """Return int64 (persons,): how many persons of a mask each one brought."""
    came = (world.brought_by >= 0) & mask
    return np.bincount(world.brought_by[came], minlength=len(world.people))


def write_end(world: World, truth: Truth) -> None:
    """Write the truth about the whole period, once: people, curves, elasticities, uplifts, and the tables of steps."""
    truth.write("people.parquet", people(world))
    truth.write("uplift.parquet", campaigns.uplifts(world))
    categories = {"category": pa.array(OLD_CODES), "name": pa.array(CATEGORIES), "elasticity": pa.array(ELASTICITY)}
    truth.write("elasticity.csv", pa.table(categories))
    sizes = {
        "sex": pa.array(np.repeat(SEXES, len(SIZES))),
        "size": pa.array(SIZES * 2),
        "share": pa.array([*SIZE_CURVE[0], *SIZE_CURVE[1]]),
    }
    truth.write("size_curve.csv", pa.table(sizes))
    for path, table in world.truth_tables.items():
        truth.write(path, table)


def people(world: World) -> pa.Table:
    """Return one row per person with every trait, as of the last simulated day."""
    p, index = world.people, np.arange(len(world.people))
    birth = pa.array(p.birth.astype(np.int32)).cast(pa.date32())
    shared = p.person(p.household)
    columns = {
        "person": p.person(index), "name": p.name(index), "sex": choose(SEXES, p.sex.astype(int)), "birthday": birth,
        "city": p.city_name(index), "home_store": choose(world.stores.no, p.store.astype(int)),
        "phone": p.phone(index, -NEVER), "phone_now": p.phone(index, world.day), "email": p.email(index),
        "shares_phone_of": shared, "openid": p.openid(index), "unionid": p.unionid(index),
        "external_userid": p.external_userid(index), "ouid": p.ouid(index), "pin": p.pin(index),
        "member_no": p.member_no(index), "second_member_no": p.member_no(index, True),
        "joined_on": _dates(world, world.joined, NEVER), "second_from": _dates(world, _second(world), NEVER),
        "size": p.size_name(index), "rate": p.rate, "leave": p.leave, "elasticity": p.elasticity,
        "impulse": p.impulse, "reach": p.reach, "purse": p.purse, "app": p.app, "wecom": p.wecom,
        "shopper": choose(SHOPPERS, np.digitize(deliberation(world, index), BOUNDS)),
        "deliberation": deliberation(world, index), "rhythm_days": 1 / (p.rate * lives.FACTOR[lives.HABIT]),
        "style_words": words_text(p.style_words),
        "brought_by": p.person(world.brought_by), "brought": _brought(world, world.state != lives.UNAWARE),
        "orders": world.orders, "spent": world.spent, "last_purchase": _dates(world, world.last, -NEVER),
    }  # fmt: skip
    tastes = {f"taste_{code}": p.taste[:, place] for place, code in enumerate(OLD_CODES)}
    channels = {f"share_{name}": p.channels[:, place] for place, name in enumerate(("store", "shop", "market", "mall"))}
    return pa.table({**columns, **_own_sizes(world), **tastes, **channels})


def _own_sizes(world: World) -> dict[str, pa.Array]:
    """Return the size that each person wears, by category; null where they seldom wear its goods."""
    people = world.people
    female = people.sex == 0
    clothes = people.size_name(np.arange(len(people)))
    shoes = when(female, choose(SHOES[0], people.shoe), choose(SHOES[1], people.shoe))
    return {"size_WO": when(female, clothes, None), "size_ME": when(~female, clothes, None), "size_SH": shoes}


def _second(world: World) -> np.ndarray:
    days = np.minimum(world.joined.astype(np.int64) + world.people.second_card, NEVER)
    return np.where(days <= world.day, days, NEVER)


def _dates(world: World, days: np.ndarray, never: int) -> pa.Array:
    epoch = (world.start - date(1970, 1, 1)).days
    days = days.astype(np.int64)
    return pa.array((days + epoch).astype(np.int32), mask=days == never).cast(pa.date32())
