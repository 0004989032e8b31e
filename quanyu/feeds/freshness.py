"""Freshness of a source: how late its newest day may be, or `none` for a source without a schedule."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from quanyu.grammar.bounds import LONGEST_HOURS, Bounded

# What a source without it has to add.
SAY = "say how late its newest day may be, {hours: 48}, or `none` for a feed without a rhythm"


class Freshness(Bounded):
    """How late the newest day of a feed may be, in hours after the end of the run's day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hours: float = Field(gt=0, le=LONGEST_HOURS, description="hours after the end of the run's day")


def _none_is_written(value: Any) -> Any:
    if value is None:
        raise ValueError(SAY)
    return None if value == "none" else value


# Null is refused: without a limit, a feed that has stopped looks like one without news.
Fresh = Annotated[
    Freshness | None, BeforeValidator(_none_is_written, json_schema_input_type=Freshness | Literal["none"])
]
