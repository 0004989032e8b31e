"""Receipt and order numbers: receipts by store and day, online orders by channel and day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.compute as pc

from sample.columns import Array
from sample.columns.chance import scatter
from sample.columns.strings import choose, dates, digits, join, same
from sample.facts import DayFacts
from sample.world import World

KINDS = ("", "T", "J", "MP")


def receipt_no(facts: DayFacts, numbers: Array) -> Any:
    """Return the receipt numbers of store baskets: the day, and the index among the store's receipts of that day."""
    baskets = facts.baskets
    firsts = np.searchsorted(baskets.store[: np.count_nonzero(baskets.channel == 0)], baskets.store[numbers])
    return join(same(f"{facts.date:%y%m%d}", len(numbers)), digits(numbers - firsts + 1, 5))


def order_no(world: World, facts: DayFacts, numbers: Array) -> Any:
    """Return the order numbers of online baskets: `T240501...` in the shop, `J...` the market, `MP...` the mall."""
    return order_names(world, facts.baskets.channel[numbers], np.full(len(numbers), facts.day), numbers)


def order_names(world: World, channel: Array, day: Array, numbers: Array) -> Any:
    """Return the order numbers of baskets of several days, from channel, day and number within the day."""
    ordered_on = pc.utf8_slice_codeunits(pc.replace_substring(dates(day, world.start), "-", ""), 2)
    check = scatter(world.seed, "order", numbers, day) % np.uint64(1000)
    return join(choose(KINDS, channel.astype(int)), ordered_on, digits(numbers, 6), digits(check, 3))
