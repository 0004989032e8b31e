"""Types an expression and writes it as SQL with equal results on both engines: one handler per kind of node."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from quanyu.errors import ExpressionError, nearest
from quanyu.expressions import operators
from quanyu.expressions.casts import cast
from quanyu.expressions.datatypes import NULL, WHOLE, element, normal, shared_type
from quanyu.expressions.functions import calls, safe_forms
from quanyu.expressions.functions.patterns import pattern
from quanyu.expressions.grammar import COMPARISONS, column_name
from quanyu.expressions.logic import two_valued
from quanyu.expressions.terms import Scope, Term, number, to_shared_type
from quanyu.literals import quoted

Handler = Callable[[exp.Expr, Scope], Term]


def typed(tree: exp.Expr, schema: Mapping[str, str]) -> Term:
    """Type an expression and write it safely. Raises ExpressionError if it has no type."""
    try:
        return write(tree, Scope(schema, {}))
    except RecursionError:
        raise ExpressionError("the expression is too deep: write it with fewer brackets") from None


def write(node: exp.Expr, scope: Scope) -> Term:
    """Type and write one node and its children."""
    handler = HANDLERS.get(type(node))
    if handler is None:
        raise ExpressionError(f"{node.sql(dialect='spark')!r} is not in use: {type(node).__name__}")
    return handler(node, scope)


def _column(node: exp.Expr, scope: Scope) -> Term:
    name = column_name(node)
    kind = scope.columns.get(name)
    if kind is None:
        raise ExpressionError(f"unknown column {name!r}; {nearest(name, scope.columns)}")
    return Term(".".join(f"`{part.name.replace('`', '``')}`" for part in node.parts), kind)  # type: ignore[attr-defined]


def _variable(node: exp.Expr, scope: Scope) -> Term:
    if node.name not in scope.variables:
        raise ExpressionError(f"{node.name!r} is no variable of a lambda here")
    return Term(node.name, scope.variables[node.name])


def _literal(node: exp.Expr, _: Scope) -> Term:
    if node.args.get("is_string") or isinstance(node, exp.RawString):
        return Term(quoted(node.name), "string", node.name)
    return number(node.name)


def _truth(node: exp.Expr, _: Scope) -> Term:
    return Term("true" if node.this else "false", "boolean")


def _null(_: exp.Expr, __: Scope) -> Term:
    return Term("null", NULL)


def _paren(node: exp.Expr, scope: Scope) -> Term:
    return write(node.this, scope)


def _and_or(node: exp.Expr, scope: Scope) -> Term:
    parts = [write(part, scope) for part in node.flatten(unnest=False)]
    return operators.conditions(node, parts, "and" if isinstance(node, exp.And) else "or")


def _not(node: exp.Expr, scope: Scope) -> Term:
    return Term(f"(not {condition(node.this, scope, settle=False).sql})", "boolean")


def condition(node: exp.Expr, scope: Scope, settle: bool = True) -> Term:
    """A condition; with `settle` two-valued, as in `case` and `if`."""
    try:
        term = write(two_valued(node) if settle else node, scope)
    except ExpressionError:
        term = write(node, scope)
    if term.type not in ("boolean", NULL):
        raise ExpressionError(f"{node.sql(dialect='spark')!r} is a {term.type}, where a condition is wanted")
    return term.to("boolean")


def _compare(node: exp.Expr, scope: Scope) -> Term:
    return operators.compare(node, [write(node.this, scope), write(node.expression, scope)])


def _in(node: exp.Expr, scope: Scope) -> Term:
    if not node.expressions or set(node.args) - {"this", "expressions"}:
        raise ExpressionError(f"{node.sql(dialect='spark')!r}: after `in` comes a list of values in brackets")
    return operators.in_list(node, write(node.this, scope), [write(part, scope) for part in node.expressions])


def _between(node: exp.Expr, scope: Scope) -> Term:
    parts = [node.this, node.args["low"], node.args["high"]]
    return operators.between(node, [write(part, scope) for part in parts])


def _is(node: exp.Expr, scope: Scope) -> Term:
    term = write(node.this, scope)
    if isinstance(node.expression, exp.Null):
        return Term(f"({term.sql} is null)", "boolean")
    if isinstance(node.expression, exp.Boolean) and term.type == "boolean":
        return Term(f"({term.sql} <=> {'true' if node.expression.this else 'false'})", "boolean")
    raise ExpressionError(f"{node.sql(dialect='spark')!r}: `is` asks for null, true or false")


def _like(node: exp.Expr, scope: Scope) -> Term:
    text, source = write(node.this, scope), node.sql(dialect="spark")
    wanted = write(node.expression, scope)
    if text.type not in ("string", NULL) or wanted.text is None:
        raise ExpressionError(f"{source!r}: compares a text with a pattern that is written out")
    if isinstance(node, exp.Like) and "\\" in wanted.text:
        raise ExpressionError(f"{source!r}: a pattern of `like` has no \\: write contains, startswith or rlike")
    sign, checked = ("like", wanted.text) if isinstance(node, exp.Like) else ("rlike", pattern(wanted.text))
    sql = f"({text.to('string').sql} {sign} {quoted(checked)})"
    return Term(f"(not {sql})" if node.args.get("negate") else sql, "boolean")


def _arithmetic(node: exp.Expr, scope: Scope) -> Term:
    if isinstance(node.expression, exp.Interval):
        return _plus_interval(node, write(node.this, scope))
    return operators.arithmetic(node, write(node.this, scope), write(node.expression, scope))


_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_DAYS = {"day": 1, "week": 7}


def _plus_interval(node: exp.Expr, term: Term) -> Term:
    """A date or timestamp plus an interval. Days can be added only to dates, since a day may have 23 or 25 hours."""
    text, unit = node.sql(dialect="spark"), str(node.expression.args.get("unit") or "").lower().rstrip("s")
    amount = str(node.expression.name)
    if not amount.lstrip("-").isdecimal() or not isinstance(node, exp.Add | exp.Sub) or len(amount) > 6:
        raise ExpressionError(f"{text!r}: an interval is a whole number of one unit, such as interval 3 days")
    count = int(amount) * (1 if isinstance(node, exp.Add) else -1)
    if term.type == "date" and unit in _DAYS:
        return Term(f"date_add({term.sql}, {count * _DAYS[unit]})", "date")
    if term.type == "date" and unit in ("month", "year"):
        return Term(f"add_months({term.sql}, {count * (12 if unit == 'year' else 1)})", "date")
    if term.type == "timestamp" and unit in _SECONDS:
        return Term(f"({term.sql} + interval {count * _SECONDS[unit]} second)", "timestamp")
    raise ExpressionError(f"{text!r}: dates move by days, weeks, months and years, timestamps by hours, minutes and "
                          "seconds: write to_date(x) first")  # fmt: skip


def _negative(node: exp.Expr, scope: Scope) -> Term:
    if isinstance(node.this, exp.Literal) and not node.this.is_string:
        return number(f"-{node.this.name}")
    return operators.negative(node, write(node.this, scope))


def _case(node: exp.Expr, scope: Scope) -> Term:
    asked = node.args.get("this")
    whens = []
    for part in node.args["ifs"]:
        test = exp.EQ(this=asked.copy(), expression=part.this.copy()) if asked else part.this
        whens.append(condition(test, scope))
    results = [write(part.args["true"], scope) for part in node.args["ifs"]]
    results += [write(node.args["default"], scope)] if node.args.get("default") else []
    read = to_shared_type(results, "mixes", node)
    cases = " ".join(f"when {when.sql} then {term.sql}" for when, term in zip(whens, read, strict=False))
    otherwise = f" else {read[-1].sql}" if len(read) > len(whens) else ""
    return Term(f"(case {cases}{otherwise} end)", read[0].type)


def _if(node: exp.Expr, scope: Scope) -> Term:
    results = [write(node.args["true"], scope)]
    results.append(write(node.args["false"], scope) if node.args.get("false") else Term("null", NULL))
    yes, no = to_shared_type(results, "mixes", node)
    return Term(f"if({condition(node.this, scope).sql}, {yes.sql}, {no.sql})", shared_type([yes.type, no.type]) or NULL)


def _coalesce(node: exp.Expr, scope: Scope) -> Term:
    """Written flat, since one engine takes twice as long for each level of nesting."""
    parts, queue = [], [node]
    while queue:
        part = queue.pop(0)
        while isinstance(part, exp.Paren):
            part = part.this
        if isinstance(part, exp.Coalesce):
            queue = [part.this, *part.expressions, *queue]
        else:
            parts.append(write(part, scope))
    read = to_shared_type(parts, "mixes", node)
    return Term(f"coalesce({', '.join(term.sql for term in read)})", read[0].type)


def _nullif(node: exp.Expr, scope: Scope) -> Term:
    value, other = write(node.this, scope), write(node.expression, scope)
    same = operators.compare(exp.EQ(this=node.this.copy(), expression=node.expression.copy()), [value, other])
    return Term(f"if({same.sql}, null, {value.sql})", value.type)


def _trim(node: exp.Expr, scope: Scope) -> Term:
    text = write(node.this, scope)
    signs = write(node.expression, scope) if node.expression else Term("' '", "string", " ")
    if text.type not in ("string", NULL) or signs.text is None:
        raise ExpressionError(f"{node.sql(dialect='spark')!r}: trims a text, of signs that are written out")
    side = str(node.args.get("position") or "both").lower()
    return Term(f"trim({side} {signs.sql} from {text.to('string').sql})", "string")


def _cast(node: exp.Expr, scope: Scope) -> Term:
    wanted = normal(node.args["to"].sql(dialect="spark"))
    if wanted is None:
        raise ExpressionError(
            f"{node.sql(dialect='spark')!r}: cast to string, int, bigint, decimal(p, s), double, boolean, date or "
            "timestamp"
        )
    return cast(write(node.this, scope), wanted)


def _bracket(node: exp.Expr, scope: Scope) -> Term:
    items, text = write(node.this, scope), node.sql(dialect="spark")
    places = [write(part, scope) for part in node.expressions]
    inner = element(items.type)
    if inner is None or len(places) != 1 or places[0].type not in WHOLE:
        raise ExpressionError(f"{text!r}: after a list comes the place of one element, from 0, in square brackets")
    return Term(safe_forms.element(items.sql, cast(places[0], "int").sql), inner)


def _joined(node: exp.Expr, scope: Scope) -> Term:
    parts = node.expressions if isinstance(node, exp.Concat) else list(_flat(node))
    return calls.call(exp.Anonymous(this="concat", expressions=[part.copy() for part in parts]), scope, write)


def _flat(node: exp.Expr) -> list[exp.Expr]:
    parts: list[exp.Expr] = []
    while isinstance(node, exp.DPipe):
        parts.insert(0, node.expression)
        node = node.this
    return [node, *parts]


def _call(node: exp.Expr, scope: Scope) -> Term:
    if not isinstance(node, exp.Anonymous):
        raise ExpressionError(f"{node.sql(dialect='spark')!r} is no call")
    return calls.call(node, scope, write)


# The package `aggregates` adds the handlers of its nodes: aggregates are made of expressions, and stand in them.
HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.Column: _column, exp.Identifier: _variable, exp.Literal: _literal, exp.RawString: _literal,
    exp.Boolean: _truth, exp.Null: _null, exp.Paren: _paren, exp.And: _and_or, exp.Or: _and_or, exp.Not: _not,
    exp.In: _in, exp.Between: _between, exp.Is: _is, exp.Like: _like, exp.RegexpLike: _like, exp.Neg: _negative,
    exp.Case: _case, exp.If: _if, exp.Coalesce: _coalesce, exp.Nullif: _nullif, exp.Trim: _trim, exp.Cast: _cast,
    exp.TryCast: _cast, exp.Bracket: _bracket, exp.DPipe: _joined, exp.Concat: _joined, exp.Anonymous: _call,
    **dict.fromkeys(COMPARISONS, _compare),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod), _arithmetic),
}  # fmt: skip
