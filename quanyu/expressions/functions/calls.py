"""Function calls: the signature of the table that fits the arguments, and its SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sqlglot import exp

from quanyu.errors import ExpressionError, nearest
from quanyu.expressions.casts import CASTS, cast
from quanyu.expressions.datatypes import NULL, decimal, digits, element, empty_list, family, shared_type
from quanyu.expressions.functions import patterns
from quanyu.expressions.functions.refusals import REFUSED
from quanyu.expressions.functions.safe_forms import FORMS, READ, UNITS
from quanyu.expressions.functions.table import Function, functions
from quanyu.expressions.grammar import AGGREGATES
from quanyu.expressions.terms import Scope, Term, fill_form, time_literal, to_shared_type
from quanyu.literals import quoted

Write = Callable[[exp.Expr, Scope], Term]


def check_call(node: exp.Anonymous, shown: str) -> None:
    """Raise ExpressionError for a function that declarations may not call, with the reason or the nearest name."""
    name, count = str(node.name).lower(), len(node.expressions)
    if name == "unix_timestamp" and not count:
        raise ExpressionError(f"{shown}: {name}() {REFUSED['now']}")
    if name == "struct" and isinstance(node.parent, exp.ArgMin | exp.ArgMax) and node.arg_key == "expression":
        return
    if name in functions():
        if any(signature.takes(count) for signature in functions()[name]):
            _check_moment(node, name)
            return
        raise ExpressionError(f"{shown}: write {' or '.join(signature.written() for signature in functions()[name])}")
    if name in REFUSED:
        raise ExpressionError(f"{shown}: {name} {REFUSED[name]}")
    near = nearest(name, [*functions(), *AGGREGATES]).partition(" allowed:")[0]
    hint = near if near.startswith("did") else "allowed: the functions of Spark SQL that docs/expressions.md lists"
    raise ExpressionError(f"{shown}: unknown function {name}; {hint}")


def _check_moment(node: exp.Anonymous, name: str) -> None:
    """Refuse a text that is no date or timestamp; `now` and `today` would read the clock."""
    first = node.expressions[0] if len(node.expressions) == 1 else None
    if isinstance(first, exp.Literal) and first.is_string and functions()[name][0].result in ("date", "timestamp"):
        time_literal(first.name, functions()[name][0].result)


def call(node: exp.Anonymous, scope: Scope, write: Write) -> Term:
    """Type and write a call. Raises ExpressionError if no signature fits the arguments."""
    name, text = str(node.name).lower(), node.sql(dialect="spark")
    check_call(node, repr(text))
    fitting = [signature for signature in functions()[name] if signature.takes(len(node.expressions))]
    terms = [None if isinstance(part, exp.Lambda) else write(part, scope) for part in node.expressions]
    mistakes = []
    for signature in fitting:
        try:
            return _Call(signature, node, terms, scope, write).term()
        except _DoesNotFit as reason:
            mistakes.append(str(reason))
    types = ", ".join(term.type if term else "lambda" for term in terms)
    wanted = " or ".join(signature.written() for signature in fitting)
    raise ExpressionError(f"{text}: {name} takes {wanted}, and not ({types}){_hint(mistakes)}")


def _hint(mistakes: Sequence[str]) -> str:
    reason = next((mistake for mistake in mistakes if mistake), "")
    return f": {reason}" if reason else ""


class _DoesNotFit(Exception):  # noqa: N818
    """This signature does not fit the arguments; another may."""


class _Call:
    """One call with one signature of its function."""

    def __init__(
        self, signature: Function, node: exp.Anonymous, terms: Sequence[Term | None], scope: Scope, write: Write
    ) -> None:
        self.signature, self.node, self.terms, self.scope, self.write = signature, node, terms, scope, write
        self.kinds = [str(signature.kind(n)) for n in range(len(terms))]
        self.types = self._variables()

    def term(self) -> Term:
        """The typed call."""
        sqls = [self._argument(n) for n in range(len(self.terms))]
        result = self._result()
        self._check_group()
        form = self.signature.form or f"{self.signature.name}({{*}})"
        if not sqls and result == f"array<{NULL}>":
            return Term(empty_list("string"), result)
        if form in ("text_date", "text_timestamp") and self.terms[0] and self.terms[0].text is not None:
            return time_literal(self.terms[0].text, result)
        if self.signature.name in UNITS:
            return Term(UNITS[self.signature.name](*sqls), result)
        parts = {"*": ", ".join(sqls), **{str(n): sql for n, sql in enumerate(sqls)}}
        written = FORMS[form](*sqls) if form in FORMS else fill_form(form, parts)
        return Term(
            f"cast({written} as {result})" if self.signature.result in ("whole", "rounded") else written, result
        )

    def _check_group(self) -> None:
        """Refuse a group that the pattern does not have, an error in one engine."""
        if self.signature.name != "regexp_extract" or self.terms[1] is None or self.terms[1].text is None:
            return
        wanted = int(self.node.expressions[2].sql()) if len(self.terms) > 2 else 1
        if not 0 <= wanted <= patterns.groups(self.terms[1].text):
            raise ExpressionError(
                f"{self.node.sql(dialect='spark')!r}: the pattern has no group {wanted} in round brackets"
            )

    def _variables(self) -> dict[str, str]:
        """The types of T and U in this call."""
        by_variable: dict[str, list[Term]] = {}
        for kind, term in zip(self.kinds, self.terms, strict=True):
            if term is not None and kind in ("T", "U"):
                by_variable.setdefault(kind, []).append(term)
            elif term is not None and kind.startswith("array<") and "T" in kind:
                by_variable.setdefault("T", []).append(Term(term.sql, self._inner(term, kind.count("array<"))))
        return {name: to_shared_type(terms, "mixes", self.node)[0].type for name, terms in by_variable.items()}

    def _inner(self, term: Term, depth: int) -> str:
        kind: str | None = term.type
        for _ in range(depth):
            kind = element(kind) if kind and kind != NULL else kind
        if kind is None:
            raise _DoesNotFit
        return kind

    def _argument(self, position: int) -> str:
        kind, term = self.kinds[position], self.terms[position]
        if "->" in kind:
            return self._lambda(position, kind)
        if term is None:
            raise _DoesNotFit
        if kind.startswith("'"):
            return self._literal(kind.strip("'"), term, self.node.expressions[position])
        return self._value(kind, term)

    def _value(self, kind: str, term: Term) -> str:
        wanted = kind
        for name, bound_type in self.types.items():
            wanted = re.sub(rf"\b{name}\b", bound_type, wanted)
        if wanted == "text":
            return self._as_text(term)
        if wanted in ("number", "decimal"):
            fits = family(term.type) == "number" if wanted == "number" else term.type.startswith("decimal")
            if not fits:
                raise _DoesNotFit
            return term.sql
        if term.text is not None and wanted in ("date", "timestamp") and not self._takes_text():
            return time_literal(term.text, wanted).sql
        if term.type == "timestamp" and wanted == "date":
            return cast(term, "date").sql
        if term.type == "bigint" and wanted == "int":
            return cast(term, "int").sql
        if wanted != NULL and shared_type([term.type, wanted]) != wanted:
            raise _DoesNotFit
        return term.to(wanted).sql

    def _takes_text(self) -> bool:
        return any("string" in signature.kinds[:1] for signature in functions()[self.signature.name])

    def _as_text(self, term: Term) -> str:
        plain = "decimal" if term.type.startswith("decimal") else term.type
        if term.type in ("string", NULL):
            return term.to("string").sql
        if (plain, "string") not in CASTS:
            raise _DoesNotFit(f"a {term.type} has no one written form: cast it to a decimal or text first")
        return cast(term, "string").sql

    def _literal(self, kind: str, term: Term, node: exp.Expr) -> str:
        if kind == "bits" and node.sql(dialect="spark") not in ("224", "256", "384", "512"):
            raise ExpressionError(f"{self.node.sql(dialect='spark')!r}: sha2 has 224, 256, 384 or 512 bits")
        if kind in ("number", "bits"):
            if not re.fullmatch(r"-?\d{1,4}", node.sql(dialect="spark")):
                raise _DoesNotFit(f"{node.sql(dialect='spark')} must be a number of up to four digits, written out")
            return term.sql
        if term.text is None:
            raise _DoesNotFit(f"{node.sql(dialect='spark')} must be a text, written out")
        return quoted(_LITERALS[kind](term.text))

    def _lambda(self, position: int, kind: str) -> str:
        node = self.node.expressions[position]
        names = [part.name for part in node.expressions] if isinstance(node, exp.Lambda) else []
        if not names or len(names) > (2 if self.signature.name == "transform" else 1):
            raise _DoesNotFit("it takes a lambda: x -> ...")
        if any(not re.fullmatch(r"[a-z_]\w*", name, re.ASCII) for name in names):
            raise ExpressionError(f"{node.sql(dialect='spark')!r}: a lambda's name is made of small letters and _")
        variables = dict(zip(names, [self.types["T"], "int"], strict=False))
        body = self.write(node.this, self.scope.within(variables))
        wanted = kind.partition("-> ")[2]
        if wanted == "boolean" and body.type not in ("boolean", NULL):
            raise _DoesNotFit("the lambda must give a condition")
        self.types["U"] = body.type
        head = names[0] if len(names) == 1 else f"({', '.join(names)})"
        sql = f"coalesce({body.to('boolean').sql}, false)" if wanted == "boolean" else body.sql
        return f"{head} -> {sql}"

    def _result(self) -> str:
        first = self.terms[0].type if self.terms and self.terms[0] else NULL
        if self.signature.result == "same":
            return first
        if self.signature.result in ("whole", "rounded"):
            return self._of_rounding(first)
        result = self.signature.result
        for name, bound_type in self.types.items():
            result = re.sub(rf"\b{name}\b", bound_type, result)
        return re.sub(r"\b[TU]\b", NULL, result)

    def _of_rounding(self, kind: str) -> str:
        precision, scale = digits(READ if kind == "string" else kind) or (1, 0)
        places = int(self.node.expressions[1].sql()) if self.signature.result == "rounded" else 0
        if not 0 <= places <= scale:
            raise ExpressionError(f"{self.node.sql(dialect='spark')!r}: round to 0 up to {scale} places")
        rounded = decimal(precision - scale + places + (1 if places < scale else 0), places)
        return rounded or kind


_LITERALS: dict[str, Callable[[str], str]] = {
    "pattern": patterns.pattern,
    "replacement": patterns.replacement,
    "format": patterns.date_format,
    "path": patterns.json_path,
    "text": str,
    "unit": patterns.unit,
    "weekday": patterns.weekday,
}
