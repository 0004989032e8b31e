"""The retailer's world: its state, simulated day by day, and the facts of each day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import rng, uniform
from sample.events import campaigns, steps
from sample.facts import Baskets, DayFacts, Returns
from sample.retailer.assortment import draw_assortment
from sample.retailer.people import BLOCK, draw_people
from sample.retailer.places import NEVER, draw_staff, draw_stores
from sample.trade import calendar, lives
from sample.trade.baskets import STRANGERS, draw_baskets
from sample.trade.pricing import STEP, STEPS, Pricing
from sample.trade.supply import open_supply

REMEMBERED = 45
LINES_A_BASKET, ONLINE_SHARE = 1.75, 0.45
JOINS = 0.85
USUAL_BASKET = 42_000


class World:
    """The complete true state. Days count from `start`; advance them in order, each once.

    By person: `state` (see lives.STATES), `joined` and `last` (purchase) days (1,000,000 and -1,000,000: never),
    `orders`, `spent` fen net of returns; since the start: `bought` orders, `paid` fen net of returns, `categories`
    bought (a bit each), `brought_by` the person by whose share they came (-1: none). `found` are those found today.
    """

    def __init__(self, customers: int, start: date, seed: int) -> None:
        self.start, self.seed, self.day = start, seed, -1
        self.stores = draw_stores(customers, seed)
        self.staff = draw_staff(self.stores, seed)
        self.people = draw_people(customers, seed, self.stores)
        self.assortment = draw_assortment(customers, start, seed)
        self.pricing = Pricing(self.assortment, start, seed)
        self.extras: dict[str, Any] = {}
        self.truth_tables: dict[str, pa.Table] = {}
        self._recent: dict[int, DayFacts] = {}
        self._backs: dict[int, list[tuple[int, Array]]] = {}
        self._steps = steps.STEPS
        self._scout: World | None = None
        self._coming: dict[int, DayFacts] = {}
        self.found = np.zeros(0, np.int64)
        self.bought, self.paid = (np.zeros(customers, np.int64) for _ in range(2))
        self.categories, self.brought_by = np.zeros(customers, np.uint8), np.full(customers, -1)
        self._step = np.minimum(self.people.elasticity * STEP, STEPS - 1).astype(np.int8)
        self._set_initial_states()
        self.supply = open_supply(self.assortment, self.stores, start, seed, self._forecast_lines(), ONLINE_SHARE)

    def _set_initial_states(self) -> None:
        people = self.people
        parts = []
        for number, begin in enumerate(range(0, len(people), BLOCK)):
            some = slice(begin, begin + BLOCK)
            parts.append(
                lives.settle(people.rate[some], people.leave[some], people.active[some], self.rng("settle", 0, number))
            )
        self.state, first, last, orders = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        bought = orders > 0
        self.orders = orders
        self.last = np.where(bought, last, -NEVER).astype(np.int32)
        joins = bought & people.member & (uniform(self.seed, "joined", np.arange(len(people))) < 0.93)
        self.joined = np.where(joins, first, NEVER).astype(np.int32)
        self.spent = (orders * USUAL_BASKET * people.purse).astype(np.int64)

    def _forecast_lines(self) -> float:
        """Return the order lines that planners forecast for a usual day of the first year, including strangers'."""
        days = range(0, 360, 45)
        sample = slice(0, BLOCK)
        wish = sum((self.inclination(day, sample) * lives.FACTOR[self.state[sample]]).sum() for day in days)
        share = len(self.people) / min(len(self.people), BLOCK)
        seasons = sum(calendar.season(self.date(day)) for day in days)
        return float(wish * share / seasons * LINES_A_BASKET * (1 + STRANGERS * (1 - ONLINE_SHARE)))

    @property
    def known(self) -> Array:
        """Return a mask of members whose unionid is in both the mini-program and the member record."""
        return self.people.app & (self.joined < NEVER)

    def rng(self, purpose: str, day: int, block: int = 0) -> np.random.Generator:
        """Return the generator of a purpose, a day and a block."""
        return rng(self.seed, purpose, day, block)

    def date(self, day: int) -> date:
        """Return the date of a day."""
        return self.start + timedelta(days=day)

    def recent(self, day: int) -> DayFacts | None:
        """Return the facts of a day at most 45 days ago; None before the first."""
        return self._recent.get(day)

    def coming(self, day: int) -> DayFacts:
        """Return the facts of today or of a later day, that a second world finds out by going ahead."""
        if self._scout is None:
            self._scout = World(len(self.people), self.start, self.seed)
            self._scout._steps = steps.MOVING
        for ahead in range(self._scout.day + 1, day + 1):
            self._coming[ahead] = self._scout.advance(ahead)
            self._coming.pop(ahead - REMEMBERED, None)
        return self._coming[day]

    def steps_of(self, index: Array | slice) -> Array:
        """Return the persons' elasticity steps (int8), the rows of Pricing.answer."""
        return np.asarray(self._step[index])

    def category(self, sku: Array) -> Array:
        """Return the category (int64, 0..5) of SKU indices."""
        return np.asarray(self.assortment.category[self.assortment.sku_style[sku]])

    def inclination(self, day: int, index: Array | slice) -> Array:
        """Return float32 (persons,): the purchase hazard on a day, before the factors of state and campaigns."""
        answer = self.pricing.answer(day)[self.steps_of(index)]
        people = self.people
        felt = np.einsum("ij,ij->i", people.taste[index], answer)
        return np.asarray(people.rate[index] * felt * np.float32(calendar.season(self.date(day))))

    def advance(self, day: int) -> DayFacts:
        """Simulate the next day and return what happened."""
        if day != self.day + 1:
            raise ValueError(f"day {day} does not follow day {self.day}")
        factor = campaigns.effect(self, day)
        self.day = day
        self.supply.morning(day)
        self.pricing.since(day)
        baskets = draw_baskets(self, day, self._buyers(day, factor))
        facts = DayFacts(day, self.date(day), baskets, self._returns(day), self._advance_states(day, baskets))
        self._remember(facts)
        self.supply.evening(day, self.date(day))
        for step in self._steps:
            step(self, facts)
        return facts

    def _buyers(self, day: int, factor: Array | None) -> Array:
        buyers = []
        for number, begin in enumerate(range(0, len(self.people), BLOCK)):
            some = slice(begin, begin + BLOCK)
            hazard = self.inclination(day, some) * lives.FACTOR[self.state[some]]
            hazard = hazard if factor is None else hazard * factor[some]
            chance = self.rng("buys", day, number).random(len(hazard), dtype=np.float32)
            buyers.append(np.flatnonzero(chance < np.minimum(hazard, lives.MOST)) + begin)
        return np.concatenate(buyers)

    def _advance_states(self, day: int, baskets: Baskets) -> Array:
        """Advance everybody's state, and return who became a member."""
        people, persons = self.people, baskets.person
        mine = persons >= 0
        np.add.at(self.spent, persons[mine], baskets.totals()[mine])
        np.add.at(self.paid, persons[mine], baskets.totals()[mine])
        buyer, kind = persons[baskets.basket], self.category(baskets.sku).astype(np.uint8)
        np.bitwise_or.at(self.categories, buyer[buyer >= 0], np.uint8(1) << kind[buyer >= 0])
        bought = np.zeros(len(people), bool)
        bought[persons[mine]] = True
        self.orders += bought
        self.bought += bought
        before = self.state.copy()
        self.last[bought] = day
        for number, begin in enumerate(range(0, len(people), BLOCK)):
            some = slice(begin, begin + BLOCK)
            chance = self.rng("moves", day, number).random(len(bought[some]), dtype=np.float32)
            self.state[some] = lives.step(self.state[some], bought[some], people.leave[some], chance)
        self.found = np.flatnonzero((before == lives.UNAWARE) & (self.state != lives.UNAWARE))
        candidates = np.flatnonzero(bought & people.member & (self.joined == NEVER))
        joined = candidates[uniform(self.seed, "joins", candidates, day) < JOINS] if len(candidates) else candidates
        self.joined[joined] = day
        return joined

    def _returns(self, day: int) -> Returns:
        """Take back the returns due today; goods go to the location they were sold from."""
        due = self._backs.pop(day, [])
        for before, rows in due:
            baskets = self._recent[before].baskets
            basket = baskets.basket[rows]
            location = baskets.store[basket].astype(np.int64) + 1
            self.supply.give_back(location, baskets.sku[rows], baskets.quantity[rows])
            person = baskets.person[basket]
            for sums in (self.spent, self.paid):
                np.subtract.at(sums, person[person >= 0], baskets.amount[rows][person >= 0])
        days = [np.full(len(rows), before) for before, rows in due]
        return Returns(
            np.concatenate([np.zeros(0, np.int64), *days]).astype(int),
            np.concatenate([np.zeros(0, np.int64), *(rows for _, rows in due)]).astype(int),
        )

    def _remember(self, facts: DayFacts) -> None:
        self._recent[facts.day] = facts
        self._recent.pop(facts.day - REMEMBERED, None)
        after = facts.baskets.back_after
        for delay in np.unique(after[after > 0]):
            rows = np.flatnonzero(after == delay)
            self._backs.setdefault(facts.day + int(delay), []).append((facts.day, rows))
