"""What rules of audiences name beside the profile: other audiences, static lists, consent, kinds of identifiers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from sqlglot import exp

from quanyu.expressions import ExpressionError, parse
from quanyu.grammar.entity import Entity
from quanyu.grammar.table import Column
from quanyu.model.people import CONTACT_KINDS, PURPOSES

if TYPE_CHECKING:
    from quanyu.grammar.audience.rule import Audience

AUDIENCE, LIST, CONSENT, HAS = "audience", "list", "consent", "has"
# No view, scene, model or entity has one of these names.
RESERVED = (AUDIENCE, LIST, CONSENT, HAS)


def reference_columns(entity: type[Entity], others: Iterable[Audience]) -> dict[str, Column]:
    """Columns by which rules about an entity name other audiences, and of customers consent and identifiers."""
    columns = {f"{AUDIENCE}.{other.name}": Column("boolean", other.describes) for other in others}
    if entity.resolved:
        columns |= {f"{CONSENT}.{name}": Column("boolean", f"Consents to {name}, on any channel.") for name in PURPOSES}
        columns |= {f"{HAS}.{kind}": Column("boolean", f"Has an identifier: {kind}.") for kind in CONTACT_KINDS}
    return columns


def full_name(audience: Audience, measure: str) -> str:
    """Name of a measure that is unique over all audiences."""
    return f"{audience.name}__{measure}"


def list_column(audience: Audience, name: str) -> str:
    """Column of whether an entity is on a static list, unique over all audiences."""
    return f"{audience.name}__{LIST}__{name}"


def named_audiences(audience: Audience) -> list[str]:
    """Names of the audiences that a rule names itself, each once. Raises ExpressionError for an invalid rule."""
    columns = (column.partition(".") for column in parse(audience.who).columns)
    return [name for owner, _, name in columns if owner == AUDIENCE]


def family(audience: Audience, others: Mapping[str, Audience]) -> list[Audience]:
    """The audience and all those that its rule depends on, each once, after those that it names itself."""
    members: dict[str, Audience] = {}
    for name in named_audiences(audience):
        members |= {other.name: other for other in family(others[name], others)}
    return [*members.values(), audience]


def circle(audiences: Mapping[str, Audience]) -> list[str]:
    """Names of audiences that depend on each other in a circle, from one back to itself; empty if none do."""
    inputs = {name: [other for other in named_audiences(one) if other in audiences] for name, one in audiences.items()}
    try:
        TopologicalSorter(inputs).prepare()
    except CycleError as error:
        return list(error.args[1][::-1])
    return []


def expanded(audience: Audience, others: Mapping[str, Audience], inside: tuple[str, ...] = ()) -> exp.Expr:
    """The rule with the rules of the audiences that it names in their place, and what it names as columns of profiles.

    Measures and lists have their full names. `inside` are the audiences that lead to this one. Raises ExpressionError
    for an invalid rule, an unknown audience and one that depends on itself.
    """
    return expanded_part(parse(audience.who).tree, audience, others, (*inside, audience.name))


def expanded_part(
    part: exp.Expr, audience: Audience, others: Mapping[str, Audience], path: tuple[str, ...]
) -> exp.Expr:  # fmt: skip
    """The same for a part of the rule, which stays as it is. `path` are the audiences that lead to it, and its own."""
    whole = exp.Paren(this=part.copy())
    for column in list(whole.find_all(exp.Column)):
        owner, name = column.table, column.name
        if owner == AUDIENCE:
            column.replace(exp.Paren(this=expanded(audience_named(name, others, path), others, path)))
        elif owner == LIST:
            column.replace(exp.column(list_column(audience, name), quoted=True))
        elif owner == CONSENT:
            column.replace(parse(f"exists(customer.consents, one -> startswith(one, '{name}:'))").tree.copy())
        elif owner == HAS:
            column.replace(parse(f"array_contains(customer.reachable_by, '{name}')").tree.copy())
        elif not owner and name in audience.measures:
            column.replace(exp.column(full_name(audience, name), quoted=True))
    inner: exp.Expr = whole.this
    return inner.pop()


def audience_named(name: str, others: Mapping[str, Audience], path: tuple[str, ...]) -> Audience:
    """The audience that a rule names. Raises ExpressionError if it is unknown or leads to the rule itself."""
    if name in path or name not in others:
        raise ExpressionError(f"{AUDIENCE}.{name} " + ("depends on itself" if name in path else "is unknown"))
    return others[name]
