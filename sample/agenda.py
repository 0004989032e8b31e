"""What is planned for later days: rows of columns, filed under the day on which they are due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sample.world import World

Array = np.ndarray[Any, np.dtype[Any]]


def plan(world: World, name: str, due: Array, columns: dict[str, Array]) -> None:
    """File rows under their days (`due`, counted from the start), past days left out."""
    book: dict[int, list[dict[str, Array]]] = world.extras.setdefault(f"agenda of {name}", {})
    for day in np.unique(due):
        rows = due == day
        book.setdefault(int(day), []).append({key: column[rows] for key, column in columns.items()})


def due(world: World, name: str, day: int) -> dict[str, Array] | None:
    """Take out the rows of a day, by `second` of the day; None when nothing is due."""
    parts = world.extras.get(f"agenda of {name}", {}).pop(day, [])
    if not parts:
        return None
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    order = np.argsort(columns["second"], kind="stable")
    return {key: column[order] for key, column in columns.items()}
