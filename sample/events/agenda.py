"""Rows planned for later days, stored under the day on which they are due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sample.columns import Array

if TYPE_CHECKING:
    from sample.world import World


def plan(world: World, name: str, due: Array, columns: dict[str, Array]) -> None:
    """Store rows under their days (`due`, counted from the start); rows of past days are dropped."""
    book: dict[int, list[dict[str, Array]]] = world.extras.setdefault(f"agenda of {name}", {})
    for day in np.unique(due):
        rows = due == day
        book.setdefault(int(day), []).append({key: column[rows] for key, column in columns.items()})


def due(world: World, name: str, day: int) -> dict[str, Array] | None:
    """Remove and return the rows of a day, sorted by `second` of the day; None when nothing is due."""
    parts = world.extras.get(f"agenda of {name}", {}).pop(day, [])
    if not parts:
        return None
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    order = np.argsort(columns["second"], kind="stable")
    return {key: column[order] for key, column in columns.items()}
