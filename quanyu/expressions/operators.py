"""Comparisons and arithmetic on terms, in forms that never fail and give equal results on both engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from quanyu.errors import ExpressionError
from quanyu.expressions.datatypes import NULL, WHOLE, decimal, digits, family, finite, type_in_words, without_infinity
from quanyu.expressions.terms import Term, to_shared_type

COMPARE: dict[type[exp.Expr], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=",
    exp.NullSafeEQ: "<=>", exp.NullSafeNEQ: "<=>",
}  # fmt: skip
_BY_ORDER = ("<", "<=", ">", ">=")


def rounded(term: Term) -> Term:
    """Round a double to 40 bits (12 significant digits), so that the last bits never decide. NaN becomes null.

    Subtracting the product cuts off the lower bits (Dekker's splitting): IEEE operations, equal everywhere.
    """
    if term.type != "double":
        return term
    x = term.sql
    cut = f"{x} * 8193D - ({x} * 8193D - {x}) + 0D"
    return Term(f"case when abs({x}) < 1e300D then {cut} when not isnan({x}) then {x} end", "double")


def compare(node: exp.Expr, sides: Sequence[Term]) -> Term:
    """Compare two terms. Raises ExpressionError if they cannot be compared."""
    sign = COMPARE[type(node)]
    if NULL in (sides[0].type, sides[1].type) and sign != "<=>":
        raise ExpressionError(f"{node.sql(dialect='spark')} compares with null, which is never true: write `is null`")
    left, right = (rounded(term) for term in to_shared_type(sides, "compares", node))
    if family(left.type) in ("list", "struct"):
        raise ExpressionError(f"{node.sql(dialect='spark')} compares lists: write array_contains, size or get")
    if sign in _BY_ORDER and left.type == "boolean":
        raise ExpressionError(f"{node.sql(dialect='spark')} compares truths by order: write = or <>")
    sql = f"({left.sql} {sign} {right.sql})"
    return Term(f"(not {sql})" if isinstance(node, exp.NullSafeNEQ) else sql, "boolean")


def in_list(node: exp.Expr, value: Term, options: Sequence[Term]) -> Term:
    """Whether a term is in a list. Raises ExpressionError for a list of other types, or one with null in it."""
    if any(term.type == NULL for term in (value, *options)):
        raise ExpressionError(f"{node.sql(dialect='spark')} looks for null, which is never true: write `is null`")
    one, *others = (rounded(term) for term in to_shared_type([value, *options], "compares", node))
    if family(one.type) in ("list", "struct"):
        raise ExpressionError(f"{node.sql(dialect='spark')} compares lists: write array_contains or arrays_overlap")
    if one.type == "double":
        # One by one, since engines search a list for a computed double differently.
        return Term(f"({' or '.join(f'{one.sql} = {term.sql}' for term in others)})", "boolean")
    return Term(f"({one.sql} in ({', '.join(term.sql for term in others)}))", "boolean")


def between(node: exp.Expr, terms: Sequence[Term]) -> Term:
    """Whether a term is between two others (inclusive)."""
    if any(term.type == NULL for term in terms):
        raise ExpressionError(f"{node.sql(dialect='spark')} compares with null, which is never true")
    value, low, high = (rounded(term) for term in to_shared_type(terms, "compares", node))
    if family(value.type) not in ("number", "text", "time"):
        raise ExpressionError(f"{node.sql(dialect='spark')} compares a {type_in_words(value.type)} by order")
    return Term(f"({value.sql} between {low.sql} and {high.sql})", "boolean")


def arithmetic(node: exp.Expr, left: Term, right: Term) -> Term:
    """Add, subtract, multiply or divide numbers. An overflow and a division by 0 give null."""
    for term in (left, right):
        if family(term.type) not in ("number", None):
            raise ExpressionError(
                f"{node.sql(dialect='spark')} computes with a {type_in_words(term.type)}: {_advice(term)}"
            )
    kinds = {left.type, right.type} - {NULL}
    if not kinds:
        return Term("cast(null as double)", "double")
    if isinstance(node, exp.Div):
        return _number(f"{_operand(left)} / nullif({_operand(right)} + 0D, 0D)")
    if kinds <= set(WHOLE):
        return _WHOLE_NUMBERS[type(node)](left.to("bigint").sql, right.to("bigint").sql)
    if isinstance(node, exp.IntDiv | exp.Mod):
        raise ExpressionError(f"{node.sql(dialect='spark')}: div and % are for whole numbers; cast both to bigint")
    if "double" in kinds:
        return _number(f"{_operand(left)} {_SIGN[type(node)]} {_operand(right)}")
    return _of_decimals(node, left, right)


def _operand(term: Term) -> str:
    return term.operand or term.to("double").sql


def _number(sql: str) -> Term:
    """A double. Operations on it go on with NaN, and the outermost one alone turns it into null.

    Apache Spark looks into each condition inside of another twice, and `nullif` copies its value, so that a chain of
    operations that each look for null would take time exponential in its length to compile.
    """
    return Term(finite(sql), "double", operand=without_infinity(sql))


def _of_decimals(node: exp.Expr, left: Term, right: Term) -> Term:
    """Exact arithmetic. Refused if the result may need more than 38 digits."""
    (p1, s1), (p2, s2) = digits(left.type) or (1, 0), digits(right.type) or (1, 0)
    if isinstance(node, exp.Mul):
        kind = decimal(p1 + p2 + 1, s1 + s2)
    else:
        kind = decimal(max(p1 - s1, p2 - s2) + max(s1, s2) + 1, max(s1, s2))
    if kind is None:
        text = node.sql(dialect="spark")
        raise ExpressionError(f"{text} may need more than 38 digits: cast a side to a decimal of less, or to double")
    sides = [term.to(f"decimal({p},{s})") for term, p, s in ((left, p1, s1), (right, p2, s2))]
    return Term(f"cast({sides[0].sql} {_SIGN[type(node)]} {sides[1].sql} as {kind})", kind)


def negative(node: exp.Expr, term: Term) -> Term:
    """The negated number."""
    if family(term.type) not in ("number", None):
        raise ExpressionError(
            f"{node.sql(dialect='spark')} computes with a {type_in_words(term.type)}: {_advice(term)}"
        )
    if term.type in WHOLE:
        return Term(f"try_subtract(0L, {term.to('bigint').sql})", "bigint")
    return Term(f"cast(0 - {term.sql} as {term.type})", term.type) if term.type != NULL else term


def conditions(node: exp.Expr, terms: Sequence[Term], joined: str) -> Term:
    """Join conditions by `and` or `or` as a balanced tree, since engines nest a flat chain as deep as it is long."""
    for term in terms:
        if term.type not in ("boolean", NULL):
            raise ExpressionError(f"{term.sql} is a {type_in_words(term.type)}, where a condition is wanted")
    parts = [term.to("boolean").sql for term in terms]
    while len(parts) > 1:
        pairs = [parts[n : n + 2] for n in range(0, len(parts), 2)]
        parts = [f"({f' {joined} '.join(pair)})" if len(pair) > 1 else pair[0] for pair in pairs]
    return Term(parts[0], "boolean")


def _advice(term: Term) -> str:
    kind = family(term.type)
    return {"text": "cast it to a number", "time": "use date_add, date_sub or datediff"}.get(kind or "", "cast it")


def _try(name: str) -> Callable[[str, str], Term]:
    return lambda one, other: Term(f"{name}({one}, {other})", "bigint")


_SIGN: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
_WHOLE_NUMBERS: dict[type[exp.Expr], Callable[[str, str], Term]] = {
    exp.Add: _try("try_add"),
    exp.Sub: _try("try_subtract"),
    exp.Mul: _try("try_multiply"),
    exp.IntDiv: lambda one, other: Term(f"({one} div nullif({other}, 0L))", "bigint"),
    exp.Mod: lambda one, other: Term(f"({one} % nullif({other}, 0L))", "bigint"),
}
