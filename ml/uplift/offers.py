"""The offers of a campaign as the numbers that a plan is made of: margins, costs, limits, and who may get what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.uplift.experiment import Floats
from ml.uplift.plan import Limits
from quanyu.errors import ConfigError
from quanyu.grammar.offers.offer import CONTROL, CampaignOffers, Offer


@dataclass(frozen=True)
class OfferNumbers:
    """Arms in the order of a plan's columns, the control first, with margins and costs, shape (arms,), and limits.

    `rules` are the rules of who may get an arm, for arms that have one.
    """

    arms: tuple[str, ...]
    margins: Floats
    costs: Floats
    limits: Limits
    rules: Mapping[str, str]


def numbers_of(declared: CampaignOffers, stock: Mapping[str, float]) -> OfferNumbers:
    """Read the numbers of a campaign's offers; `stock` says how many pieces of an item there are.

    ConfigError for an item that the stock does not list.
    """
    offers = list(declared.offers.values())
    costs = np.array([0.0, *(offer.cost for offer in offers)])
    margins = np.array([0.0, *(offer.margin for offer in offers)])
    rules = {offer.arm: offer.when for offer in offers if offer.when}
    arms = (CONTROL, *(offer.arm for offer in offers))
    return OfferNumbers(arms, margins, costs, _limits(declared, offers, costs, stock), rules)


def _limits(declared: CampaignOffers, offers: list[Offer], costs: Floats, stock: Mapping[str, float]) -> Limits:
    rows = [("budget", costs, declared.budget)] if declared.budget is not None else []
    rows += [
        (f"offer {name}", _which(offers, [offer]), float(offer.most))
        for name, offer in declared.offers.items()
        if offer.most is not None
    ]
    # Offers of the same item share its stock.
    for sku in sorted({offer.sku for offer in offers if offer.sku}):
        if sku not in stock:
            raise ConfigError(f"{declared.file}: the stock does not list item {sku!r}.")
        rows.append((f"stock of {sku}", _which(offers, [offer for offer in offers if offer.sku == sku]), stock[sku]))
    uses = np.array([use for _, use, _ in rows]).reshape(len(rows), len(costs))
    return Limits(tuple(name for name, _, _ in rows), uses, np.array([most for _, _, most in rows], dtype=np.float64))


def _which(offers: list[Offer], chosen: list[Offer]) -> Floats:
    """1 for the arms of some offers, 0 for the others and the control: shape (arms,)."""
    return np.array([0.0, *(float(any(offer is one for one in chosen)) for offer in offers)])
