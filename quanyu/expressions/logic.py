"""Two-valued rules: true or false, never null. Conditions are joined as trees, so that brackets are preserved."""

from __future__ import annotations

from sqlglot import exp


def conjunction(*trees: exp.Expr) -> exp.Expr:
    """Join conditions by `and`, each in its own brackets, so that an `or` stays inside its condition."""
    if not trees:
        return exp.true()
    joined: exp.Expr = _wrapped(trees[0]) if len(trees) > 1 else trees[0].copy()
    for tree in trees[1:]:
        joined = exp.And(this=joined, expression=_wrapped(tree))
    return joined


def _wrapped(tree: exp.Expr) -> exp.Expr:
    return exp.Paren(this=tree.copy())


def two_valued(tree: exp.Expr) -> exp.Expr:
    """Make every comparison with null false before a `not` is applied, so that a rule is true or false, never null.

    `x <> a`, `not x = a` and `x not in (a)` are the same set, which includes rows whose x is null.
    """
    if isinstance(tree, exp.Connector):
        parts = [two_valued(part) for part in tree.flatten(unnest=False)]
        return _chained(type(tree), parts)
    if isinstance(tree, exp.Not | exp.Paren):
        return type(tree)(this=two_valued(tree.this))
    if positive := _positive_form(tree):
        return exp.Not(this=two_valued(positive))
    if isinstance(tree, exp.Coalesce) and isinstance(tree.expressions[-1], exp.Boolean):
        return two_valued_inside(tree)
    return exp.Coalesce(this=two_valued_inside(tree), expressions=[exp.false()])


def _chained(kind: type[exp.Connector], parts: list[exp.Expr]) -> exp.Expr:
    chain = parts[0]
    for part in parts[1:]:
        chain = kind(this=chain, expression=part)
    return chain


def _positive_form(tree: exp.Expr) -> exp.Expr | None:
    """The comparison that `<>` or `not like` negates, or None."""
    if isinstance(tree, exp.NEQ):
        return exp.EQ(this=tree.this.copy(), expression=tree.expression.copy())
    if tree.args.get("negate"):
        positive = tree.copy()
        positive.set("negate", None)
        return positive
    return None


def two_valued_inside(tree: exp.Expr) -> exp.Expr:
    """Make negations inside of a value two-valued: in a `case`, an `if`, a lambda, or an operand of `is` or `=`."""
    whole = exp.Paren(this=tree.copy())
    for asked in list(whole.find_all(exp.Is, exp.EQ, exp.NullSafeEQ)):
        for side in ("this", "expression"):
            if isinstance(asked.args[side].unnest(), exp.Predicate | exp.Connector | exp.Not):
                asked.set(side, exp.Paren(this=two_valued(asked.args[side])))
    for node in list(whole.find_all(exp.Not, exp.NEQ, exp.Like, exp.RegexpLike)):
        if isinstance(node, exp.Not):
            node.set("this", two_valued(node.this))
        elif _positive_form(node):
            node.replace(two_valued(node))
    inner: exp.Expr = whole.this
    return inner.pop()
