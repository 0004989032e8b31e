"""Parts of an audience beside its rule: static lists, the band of its size, seed options, and how it is expanded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from quanyu.grammar.bounds import MOST, StrictModel
from quanyu.grammar.declaration import Share, ShareText


class StaticList(StrictModel):
    """A list of entities in a CSV file of the conf folder, with one column and a line that names it."""

    file: str = Field(description="file in the conf folder, such as `lists/vip.csv`")
    kind: str = Field(description="what it lists: a kind of identifier such as phone, or the entity's key")


class SizeBand(StrictModel):
    """The size that is expected of an audience. Outside of it, additions to its exports wait."""

    least: int | None = Field(None, ge=0, le=MOST, description="fewest members")
    most: int | None = Field(None, ge=1, le=MOST, description="most members")
    change: Annotated[Share, Field(gt=0)] | None = Field(
        None, description="largest change from one evaluation to the next, as `30 %` of the members before"
    )

    @model_validator(mode="after")
    def _in_order(self) -> SizeBand:
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("`least` is not greater than `most`")
        if (self.least, self.most, self.change) == (None, None, None):
            raise ValueError("at least one of least, most and change is wanted")
        return self

    def warnings(self, members: int, before: int | None) -> Iterator[str]:
        """Say how a number of members leaves the band; `before` is that of the last evaluation, None for none."""
        if self.least is not None and members < self.least:
            yield f"{members:,} members, fewer than {self.least:,}"
        if self.most is not None and members > self.most:
            yield f"{members:,} members, more than {self.most:,}"
        if self.change is not None and before and abs(members - before) > self.change * before:
            yield f"from {before:,} to {members:,} members, a change of more than {self.change:.0%}"


class SeedOptions(StrictModel):
    """What platforms may take with an audience that they expand."""

    value: str | None = Field(None, description="number of the profile that a member is weighted by: `value.spend`")
    expected_match: Annotated[Share, Field(gt=0)] | None = Field(
        None, description="share of the members that a platform is expected to match, as `60 %`"
    )


def _size(value: Any) -> Any:
    share = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value) if isinstance(value, str) else None
    if share and 0 < float(share[1]) <= 100:
        return float(share[1]) / 100
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ValueError("a size is written as `5 %` of those who may be found, or as a number of them, such as `500`")


# A share as a float, a number as an int.
Size = Annotated[float | int, BeforeValidator(_size, json_schema_input_type=int | ShareText)]


class Alike(StrictModel):
    """How an audience is expanded from a seed: those who are most like the members of another audience."""

    seeds: tuple[str, ...] = Field(
        min_length=1, description="audiences; the one whose expansion surely finds most of its hidden half is expanded"
    )
    size: Size = Field(description="how many are found: `5 %` of those who may be found, or a number")
    features: tuple[str, ...] = Field(min_length=1, description="numbers of the profile by which customers are alike")
    by: Literal["propensity", "neighbours"] = Field(
        "propensity", description="boosted trees that tell members from others, or the cosine with the nearest members"
    )
    weigh_by: str | None = Field(None, description="number of the profile that likeness is multiplied by: a worth")
    least: int = Field(100, ge=4, le=MOST, description="members without whom a seed is not tried")

    def names(self) -> tuple[str, ...]:
        """Names of the profile that the expansion reads, each once."""
        return tuple(dict.fromkeys([*self.features, *filter(None, [self.weigh_by])]))

    def number(self, customers: int) -> int:
        """How many are found among so many who may be found, at least one of any."""
        if isinstance(self.size, int):
            return min(self.size, customers)
        return min(max(round(self.size * customers), 1), customers)
