"""Checks of offers: names, arms and rules, and the model that says how effects of arms are learned."""

from __future__ import annotations

import contextlib
from collections import Counter

from quanyu.discover import Catalogue
from quanyu.errors import nearest
from quanyu.expressions import ExpressionError, parse
from quanyu.grammar.declaration import Problems
from quanyu.grammar.lifecycle import Use
from quanyu.model.entities import Customer


def check(catalogue: Catalogue, problems: Problems) -> None:
    """Add the mistakes in all offers to `problems`."""
    campaigns = Counter(offers.campaign for offers in catalogue.offers.values())
    experiments = [name for name, spec in catalogue.models.items()
                   if spec.experiment is not None and getattr(spec, "entity", None) is Customer]  # fmt: skip
    for offers in catalogue.offers.values():
        problems.found += offers.problems(catalogue.names(Customer)).found
        if campaigns[offers.campaign] > 1:
            problems.add(offers.file, "campaign", f"{offers.campaign} has offers in another file too")
        if offers.model not in catalogue.models:
            words = f"there is no model {offers.model!r}; {nearest(offers.model, experiments)}"
            problems.add(offers.file, "model", words)
        elif offers.model not in experiments:
            words = f"{offers.model!r} learns from no experiment on customers; {nearest(offers.model, experiments)}"
            problems.add(offers.file, "model", words)


def uses(catalogue: Catalogue) -> list[Use]:
    """What rules of offers name. Those with mistakes are reported by the check."""
    listed: list[Use] = []
    for offers in catalogue.offers.values():
        for name, offer in offers.offers.items():
            with contextlib.suppress(ExpressionError):
                columns = parse(offer.when or "true").columns
                user = f"offers {offers.name}"
                listed += [Use(Customer.name, used, user, offers.file, f"offers.{name}.when") for used in columns]
    return listed
