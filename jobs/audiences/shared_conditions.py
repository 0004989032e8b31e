"""Conditions of the rules of audiences, each evaluated once however many rules name it.

Many rules name the same few tags. So a condition becomes one column of truth, and a rule is what `and`, `or` and `not`
make of such columns. Sizes are counted by the combinations of conditions that occur, which are few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from quanyu.discover import Catalogue
from quanyu.expressions import column_name, parse, safe_sql, two_valued
from quanyu.grammar.audience import AUDIENCE, Audience, audience_named, expanded_part, family, full_name, list_column
from quanyu.grammar.entity import Entity
from quanyu.grammar.tags import over_profile, profile_column

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

# Conditions that are the bits of one whole number, which is never negative.
BITS = 62
NUMBER = "profiles"


class SharedConditions:
    """The conditions of rules about an entity that were asked for so far: SQL over the profile by column of truth.

    `names` are the features, tags, scores and attributes that they read, each once.
    """

    def __init__(self, catalogue: Catalogue, entity: type[Entity]) -> None:
        self._catalogue = catalogue
        self._types = {profile_column(name): column.type for name, column in catalogue.names(entity).items()}
        self._columns: dict[str, str] = {}
        self._conditions: dict[tuple[str, str], exp.Expr] = {}
        self.names: dict[str, None] = {}

    def rule(self, audience: Audience) -> exp.Expr:
        """The rule of an audience over the columns of truth. Raises ExpressionError as `rules.rule` does."""
        return self._rule(audience, ())

    def column(self, sql: str) -> exp.Expr:
        """The column of an SQL condition over the profile that is never null."""
        return exp.column(self._columns.setdefault(sql, f"_holds_{len(self._columns)}"))

    def selected(self) -> list[str]:
        """SQL that selects the columns of truth from profiles."""
        return [f"{sql} as {name}" for sql, name in self._columns.items()]

    def combinations(self, profiles: DataFrame) -> pa.Table:
        """Which conditions hold together: the columns of truth, a row for each combination, and NUMBER of profiles."""
        import pyarrow as pa
        from pyarrow import compute as pc

        names = [*self._columns.values()]
        words = [names[first : first + BITS] for first in range(0, len(names), BITS)]
        packed = (" | ".join(f"if({name}, {1 << n}L, 0L)" for n, name in enumerate(word)) for word in words)
        rows = profiles.selectExpr(*self.selected())
        rows = rows.selectExpr(*(f"{sql} as word_{n}" for n, sql in enumerate(packed)))
        grouped = rows.groupBy(*(f"word_{n}" for n in range(len(words)))).count().toArrow()
        truths = {
            name: pc.not_equal(pc.bit_wise_and(grouped[f"word_{n}"], 1 << bit), 0)
            for n, word in enumerate(words) for bit, name in enumerate(word)
        }  # fmt: skip
        return pa.table({**truths, NUMBER: grouped["count"]})

    def sql(self, tree: exp.Expr) -> str:
        """SQL of a rule over the columns of truth."""
        return safe_sql(tree, dict.fromkeys(self._columns.values(), "boolean"))

    def _rule(self, audience: Audience, inside: tuple[str, ...]) -> exp.Expr:
        return self._over_columns(parse(audience.who).tree, audience, (*inside, audience.name))

    def _over_columns(self, tree: exp.Expr, audience: Audience, path: tuple[str, ...]) -> exp.Expr:
        if isinstance(tree, exp.Paren):
            return self._over_columns(tree.this, audience, path)
        if isinstance(tree, exp.Not):
            return exp.Not(this=self._over_columns(tree.this, audience, path))
        if isinstance(tree, exp.Connector):
            first, *others = (self._over_columns(part, audience, path) for part in tree.flatten(unnest=False))
            for part in others:
                first = type(tree)(this=first, expression=part)
            return first
        if isinstance(tree, exp.Column) and tree.table == AUDIENCE:
            return self._rule(audience_named(tree.name, self._catalogue.audiences, path), path)
        # Measures and lists are the audience's own.
        key = (audience.name if audience.measures or audience.lists else "", tree.sql(dialect="spark"))
        if key not in self._conditions:
            part = expanded_part(tree, audience, self._catalogue.audiences, path)
            self._types |= own_types(self._catalogue, audience)
            self._conditions[key] = self._condition(part)
        return self._conditions[key].copy()

    def _condition(self, part: exp.Expr) -> exp.Expr:
        """A condition as a column, or the negation of one, so that `=` and `<>` share it."""
        self.names |= dict.fromkeys(column_name(column) for column in part.find_all(exp.Column) if column.table)
        tree = two_valued(over_profile(part))
        if isinstance(tree, exp.Not):
            return exp.Not(this=self.column(safe_sql(tree.this, self._types)))
        return self.column(safe_sql(tree, self._types))


def own_types(catalogue: Catalogue, audience: Audience) -> dict[str, str]:
    """Types of the measures and lists of an audience and of those that its rule depends on, by their full names."""
    types: dict[str, str] = {}
    for one in family(audience, catalogue.audiences):
        columns = one.columns({}, catalogue.tables)
        types |= {full_name(one, name): columns[name].type for name in one.measures}
        types |= {list_column(one, name): "boolean" for name in one.lists}
    return types


def number_where(tree: exp.Expr, combinations: pa.Table) -> int:
    """Number of profiles for which a rule over columns of truth holds."""
    from pyarrow import compute as pc

    return pc.sum(combinations[NUMBER].filter(_truths(tree, combinations))).as_py() or 0


def _truths(tree: exp.Expr, columns: pa.Table) -> pa.ChunkedArray:
    from pyarrow import compute as pc

    if isinstance(tree, exp.Not):
        return pc.invert(_truths(tree.this, columns))
    if isinstance(tree, exp.Connector):
        join = pc.and_ if isinstance(tree, exp.And) else pc.or_
        return join(_truths(tree.this, columns), _truths(tree.expression, columns))
    return columns[tree.name]
