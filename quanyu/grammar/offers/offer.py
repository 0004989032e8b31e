"""Offers of a campaign: which arm each is, what it costs and brings, who may get it, and how much there is of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from quanyu.errors import ConfigError, Problem, nearest
from quanyu.expressions.aggregates import condition
from quanyu.grammar.bounds import MOST, StrictModel
from quanyu.grammar.declaration import NAME, Problems, Share, YamlDeclaration
from quanyu.grammar.table import Column

CONTROL = "control"
"""The arm of those who get nothing: what every offer is compared with."""


class Offer(StrictModel):
    """One arm of a campaign, other than its control."""

    arm: str = Field(description="arm of the campaign, as `assignments.arm` names it")
    cost: float = Field(ge=0, le=MOST, description="what giving it to one customer costs, in the base currency")
    margin: float = Field(
        gt=0,
        le=MOST,
        description="what one more outcome of the model, such as an order, is worth under it, before that cost",
    )
    when: str | None = Field(None, description="rule over a customer's profile of who may get it; all without it")
    most: int | None = Field(None, ge=0, le=MOST, description="number of customers who get it at most")
    sku: str | None = Field(None, description="item of which each customer gets one, as far as stock lasts")


class CampaignOffers(YamlDeclaration):
    """The offers of one campaign, and what may be spent on them."""

    kind: ClassVar[str] = "offers"

    campaign: str = Field(description="key of the campaign whose arms they are")
    model: str = Field(
        description="model with an experiment: its label is the outcome, and its features tell customers apart"
    )
    offers: dict[str, Offer] = Field(min_length=1, description="offers by name; the control needs none")
    budget: float | None = Field(
        None, ge=0, le=MOST, description="what all of them together may cost at most, in the base currency"
    )
    explore: Share = Field(
        0.05, lt=1, description="share of the customers who get any of their arms at random, as `5 %`, so that the next"
        " plan can learn; 0 ends learning",
    )  # fmt: skip

    def problems(self, names: Mapping[str, Column]) -> Problems:
        """Check names, arms and rules; `names` maps what rules about customers may name to columns."""
        problems, arms = Problems(), [offer.arm for offer in self.offers.values()]
        for name, offer in self.offers.items():
            key = f"offers.{name}"
            if not NAME.match(name):
                problems.add(self.file, key, "is no name: lower case letters, digits and _")
            if offer.arm == CONTROL:
                problems.add(self.file, f"{key}.arm", f"{CONTROL} is who gets nothing: leave it out")
            elif arms.count(offer.arm) > 1:
                problems.add(self.file, f"{key}.arm", f"{offer.arm!r} is the arm of another offer too")
            with problems.capture(self.file, f"{key}.when"):
                condition(offer.when or "true", names)
        return problems

    def check_arms(self, arms: list[str]) -> None:
        """Compare the offers with the arms that the campaign has. Raises ConfigError with all that it has not."""
        problems = [
            Problem(
                self.file, f"offers.{name}.arm", f"{self.campaign} has no arm {offer.arm!r}; {nearest(offer.arm, arms)}"
            )
            for name, offer in self.offers.items()
            if offer.arm not in arms
        ]
        if CONTROL not in arms:
            problems.append(Problem(self.file, "campaign", f"{self.campaign} has no arm {CONTROL!r} to compare with"))
        if problems:
            raise ConfigError(problems)
