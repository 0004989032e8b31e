"""Checks of what audiences name of each other, and of the consent that the features they use are bound to."""

from __future__ import annotations

import contextlib

from jobs.audiences import rules
from quanyu.discover import Catalogue
from quanyu.expressions import ExpressionError
from quanyu.grammar import audience as grammar
from quanyu.grammar.audience import Audience, named_audiences
from quanyu.grammar.declaration import Problems
from quanyu.grammar.names import with_inputs


def circle(catalogue: Catalogue, problems: Problems) -> bool:
    """Add a circle of audiences that depend on each other. Returns whether rules cannot be followed."""
    try:
        path = grammar.circle(catalogue.audiences)
    except ExpressionError:
        return True
    if path:
        first = catalogue.audiences[path[0]]
        problems.add(first.file, "who", f"audiences depend on each other in a circle: {' -> '.join(path)}")
    return bool(path)


def check_named(catalogue: Catalogue, audience: Audience, problems: Problems) -> None:
    """Add why an audience that a rule names cannot be in it."""
    with contextlib.suppress(ExpressionError):
        for name in named_audiences(audience):
            other = catalogue.audiences.get(name)
            words = ""
            if other is not None and other.entity != audience.entity:
                words = f"is about {other.entity}, not {audience.entity}"
            elif other is not None and other.alike:
                words = "is a lookalike, whose members are known after all rules are evaluated"
            elif other is not None and other.ended:
                words = "has ended: leave it out"
            if words:
                problems.add(audience.file, "who", f"audience.{name} {words}")


def check_purposes(catalogue: Catalogue, audience: Audience, problems: Problems) -> None:
    """Add features whose values may be used for another purpose than the audience's only."""
    entity = catalogue.entities[audience.entity]
    with contextlib.suppress(ExpressionError, KeyError):
        names = rules.names_in_rules(catalogue, [audience])
        for name in with_inputs(names, catalogue.tags_of(entity)):
            view = catalogue.views.get(name.partition(".")[0])
            if view is not None and view.purpose and view.purpose != audience.purpose:
                words = f"{name} may be used for {view.purpose}, and this audience is for {audience.purpose}"
                problems.add(audience.file, "who", words)
