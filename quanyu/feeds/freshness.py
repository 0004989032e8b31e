"""Freshness of a source: how late its newest day may be, or `none` for a source without a schedule."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from quanyu.grammar.bounds import LONGEST_HOURS, Bounded


class Freshness(Bounded):
    """How late the newest day of a feed may be, in hours after the end of the run's day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hours: float = Field(gt=0, le=LONGEST_HOURS)


def _none_is_written(value: Any) -> Any:
    if value is None:
        raise ValueError("say how late its newest day may be, {hours: 48}, or `none` for a feed without a rhythm")
    return None if value == "none" else value


# Null is refused: without a limit, a feed that has stopped looks like one without news.
Fresh = Annotated[Freshness | None, BeforeValidator(_none_is_written)]
