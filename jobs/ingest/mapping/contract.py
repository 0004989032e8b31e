"""Turns a Source's expressions into SQL columns and checks for one pass, so that no value is lost silently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from jobs.ingest.mapping.keys import folded
from jobs.ingest.mapping.losses import losses
from quanyu.expressions import cast_sql, column_name, parse, safe_sql, two_valued, type_of
from quanyu.expressions.datatypes import midnight
from quanyu.feeds.fill import Fill
from quanyu.feeds.source import PERSON, SYSTEM, Source
from quanyu.grammar.table import Column, Table
from quanyu.identifiers.placeholders import CROWDED
from quanyu.literals import quoted

# An expression with one of these may be null on purpose. Any other that gives null from values is an error.
_MAY_BE_EMPTY = (exp.Case, exp.If, exp.Nullif, exp.Coalesce, exp.AggFunc)

# Order of a row among the rows of its group: one value, since a struct costs each group the memory of a whole batch.
ORDER = "_order"

# Function that reads a member of a JSON value.
_MEMBER = "get_json_object"

# Names of the element and of its index, from 0, in lambdas over a list.
ELEMENT, POSITION = "_one", "_at"


@dataclass(frozen=True)
class Check:
    """A SQL condition that marks a row as bad, and the reason to report."""

    reason: str
    bad: str


@dataclass(frozen=True)
class MappedColumn:
    """One column of a fill: the typed SQL expression and its checks."""

    name: str
    sql: str
    checks: tuple[Check, ...]


def value_of(text: str, column: Column, where: str, each: str | None = None, key: bool = False) -> MappedColumn:
    """Cast an expression to its column's type, with a check for each way in which a value could be lost.

    Keys, and columns that refer to keys, are folded.
    """
    tree = members(parse(text).tree, each)
    raw, typed = safe(tree), cast_sql(tree, types(tree), column.type)
    typed = folded(typed) if column.type == "string" and (key or column.references) else typed
    checks = list(cast_checks(tree, where))
    if not parse(text).aggregates:
        lost = losses(raw, type_of(tree, types(tree)), typed, column.type)
        checks += [Check(f"{where}: {words}", bad) for words, bad in lost if raw != typed]
        checks += _empty_check(tree, where, raw, parse(text).columns)
    return MappedColumn(where.rpartition(".")[2], typed, tuple(checks))


def types(tree: exp.Expr) -> dict[str, str]:
    """Types of the columns that a tree names: strings as received, system columns, and the index in a list."""
    own = {**SYSTEM, POSITION: "int"}
    return {name: own.get(name, "string") for name in map(column_name, tree.find_all(exp.Column))}


def safe(tree: exp.Expr) -> str:
    """SQL of a tree over raw columns. A bad value gives null and never fails the job."""
    return safe_sql(tree, types(tree))


def members(tree: exp.Expr, each: str | None = None) -> exp.Expr:
    """Replace each `column.member` by an expression that reads this member of the column's JSON value.

    For the column of `each`, the member is of one element of its list; `column._position` is the element's position,
    from 1.
    """
    root = exp.Paren(this=tree.copy())
    for node in list(root.find_all(exp.Column)):
        if node.table:
            node.replace(member([part.name for part in node.parts], each))
    inner: exp.Expr = root.this
    return inner.pop()


def member(path: Sequence[str], each: str | None = None) -> exp.Expr:
    """Expression that reads a member of a JSON value; the path is the column, followed by the member's names."""
    root = exp.column(path[0], quoted=True)
    if path[0] == each:
        if list(path[1:]) == ["_position"]:
            return parse(f"cast({POSITION} + 1 as string)").tree.copy()
        root = exp.column(ELEMENT)
    steps = "".join(f"['{step}']" for step in path[1:])
    return exp.Anonymous(this=_MEMBER, expressions=[root, exp.Literal.string(f"${steps}")])


def cast_checks(tree: exp.Expr, where: str) -> Iterator[Check]:
    """Check every cast inside an expression row by row, also within an aggregate."""
    for node in tree.find_all(exp.Cast, exp.Anonymous):
        if (isinstance(node, exp.Anonymous) and not reads_time(node)) or node.find(exp.AggFunc):
            continue
        cast = isinstance(node, exp.Cast)
        inner = node.this if cast else node.expressions[0]
        kind = node.args["to"].sql(dialect="spark").lower() if cast else "timestamp"
        named = ", ".join(dict.fromkeys(c.name for c in node.find_all(exp.Column)))
        if not named:
            continue
        for words, bad in losses(safe(inner), type_of(inner, types(inner)), safe(node), kind):
            yield Check(
                f"{where}: {named} is {words}" if words.startswith("not a") else f"{where}: {named} {words}", bad
            )


def reads_time(node: exp.Expr) -> bool:
    """Whether a call is equivalent to `cast(... as timestamp)`."""
    reads = isinstance(node, exp.Anonymous) and node.name.lower() in ("to_timestamp", "try_to_timestamp")
    return reads and len(node.expressions) == 1


def _empty_check(tree: exp.Expr, where: str, raw: str, names: Sequence[str]) -> list[Check]:
    """Check that an expression is not null if none of its inputs is: an overflow, a missing part, a division by 0.

    A missing member of a JSON value counts as null, like an empty column.
    """
    input_nodes = [node for node in tree.find_all(exp.Column, exp.Anonymous) if _is_input(node)]
    if not input_nodes or tree in input_nodes or isinstance(tree, exp.Cast) or tree.find(*_MAY_BE_EMPTY):
        return []
    columns = ", ".join(names)
    inputs = dict.fromkeys(safe(node) for node in [*input_nodes, *tree.find_all(exp.Cast)])
    all_there = " and ".join(f"{sql} is not null" for sql in inputs)
    return [Check(f"{where}: gives no value from {columns}", f"{all_there} and ({raw}) is null")]


def _is_input(node: exp.Expr) -> bool:
    """Whether a node is an input from the feed: a column, or a member of a column's JSON value."""
    return is_member(node) if isinstance(node, exp.Anonymous) else not is_member(node.parent)


def is_member(node: exp.Expr | None) -> bool:
    """Whether a node reads a member of a JSON value."""
    return isinstance(node, exp.Anonymous) and node.name == _MEMBER


def constraint_checks(
    table: type[Table], columns: Mapping[str, str], faults: Mapping[str, str], feed_day: str = "_day"
) -> Iterator[Check]:
    """Check what the Table declares: required columns, allowed values, bounds and plausible days.

    `columns` maps column names to SQL. `faults` maps them to SQL of their other checks, so that a value lost in a cast
    is not reported as missing too. `feed_day` is the column of the feed's day.
    """
    for name, column in table.columns.items():
        sql = columns.get(name)
        where = f"{table.name}.{name}"
        if (column.required or name in table.keys) and sql is not None:
            lost = f" and not ({faults[name]})" if faults.get(name) else ""
            yield Check(f"{where}: is missing", f"({sql}) is null{lost}")
        rule = column.constraint("_v")
        if sql is not None and rule:
            yield Check(f"{where}: {column.broken(name)}", f"not coalesce({rule.replace('_v', f'({sql})')}, true)")
        if sql is not None and column.days:
            plausible = column.days.condition(f"({sql})", column.type, feed_day)
            yield Check(f"{where}: {name} must be {column.days.words()}", f"not coalesce({plausible}, true)")


def ahead_checks(source: Source, table: type[Table], columns: Mapping[str, str], day: str) -> Iterator[Check]:
    """Check that a row's change time is not after its feed day: such a row would supersede all later ones.

    `columns` maps column names to SQL; `day` is SQL of the feed day.
    """
    sql = columns.get(table.sequence_by or "")
    if sql is None:
        return
    end = f"unix_timestamp({midnight(f'date_add({day}, 1)')}) + {source.slack.hours * 3600:.0f}"
    words = f"is more than {source.slack.hours:g} hours after the end of its feed day"
    yield Check(f"{table.name}.{table.sequence_by}: {words}", f"coalesce(unix_timestamp({sql}) > {end}, false)")


def per_row(fill: Fill, table: type[Table]) -> list[MappedColumn]:
    """Columns of a fill that gives one table row per feed row."""
    return [_value_of(name, text, fill, table) for name, text in fill.columns.items()]


def _value_of(name: str, text: str, fill: Fill, table: type[Table]) -> MappedColumn:
    key = name in table.keys or table.columns[name].alternate_key
    return value_of(text, table.columns[name], f"{table.name}.{name}", fill.each, key)


def per_group(fill: Fill, table: type[Table]) -> list[MappedColumn]:
    """Columns of a fill that gives one row per group; a column without an aggregate has the value of the last row."""
    groups = set(fill.one_row_per)
    columns = []
    for name, text in fill.columns.items():
        column = _value_of(name, text, fill, table)
        if not parse(text).aggregates and text not in groups:
            column = MappedColumn(name, f"max_by({column.sql}, {ORDER})", column.checks)
        columns.append(column)
    return columns


def reasons(checks: list[Check]) -> str:
    """SQL of the array of the distinct reasons of all checks that a row fails."""
    if not checks:
        return "cast(array() as array<string>)"
    cases = ", ".join(f"case when {check.bad} then {quoted(check.reason)} end" for check in checks)
    return f"array_distinct(filter(array({cases}), r -> r is not null))"


def key_value(text: str, name: str, column: Column) -> str:
    """SQL that casts a group's key, already computed as the column `name`, to the type of its table column."""
    key = members(parse(text).tree)
    return cast_sql(exp.column(name), {name: type_of(key, types(key))}, column.type)


def group_sql(text: str) -> str:
    """SQL of a grouping key: an expression, folded if it is a string, or the person key of the row."""
    if text == PERSON:
        return "_person.person_key"
    tree = members(parse(text).tree)
    return folded(safe(tree)) if type_of(tree, types(tree)) == "string" else safe(tree)


def where_sql(text: str) -> str:
    """SQL of a condition over raw columns. It never fails the job; a comparison with null is false."""
    return safe(two_valued(members(parse(text).tree)))


def accepted_sql(source: Source, fill: Fill, table: type[Table]) -> str:
    """SQL condition of the rows of a fill. A row whose only identifiers are crowded fills no table of persons."""
    condition = where_sql(fill.where) if fill.where else "true"
    if "person_key" not in table.keys or not source.person:
        return condition
    crowded = " or ".join(f"_person.no{n} <=> {quoted(CROWDED)}" for n in range(len(source.person)))
    return f"({condition}) and (_person.person_key is not null or not ({crowded}))"


def person_columns(source: Source) -> list[str]:
    """SQL of the raw identifiers of a row as strings, strongest first."""
    trees = [members(parse(item.value).tree) for item in source.person]
    return [cast_sql(tree, types(tree), "string") for tree in trees]


def day_sql(text: str) -> str:
    """SQL of the feed's day, computed from raw columns."""
    tree = parse(text).tree
    return cast_sql(tree, types(tree), "date")
