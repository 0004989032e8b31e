"""Random nested expressions of the grammar, of every type: none fails on any row of edge values."""

from answers import answers_to
from asked import embedded
from edges import OF_KIND, SCHEMA, ZONES
from hypothesis import given
from hypothesis import strategies as st

from examples import examples
from quanyu.errors import ExpressionError
from quanyu.expressions import parse, safe_sql
from quanyu.expressions.casts import PAIRS
from quanyu.expressions.functions.table import functions

TYPES = ("string", "int", "bigint", "decimal", "double", "date", "timestamp", "boolean")
LITERALS = {
    "string": ["''", "'a'", "'１2'", "'a-b'"], "int": ["0", "1", "-1", "7", "2147483647"],
    "bigint": ["0", "3", "-9223372036854775807", "9223372036854775807"], "decimal": ["0.00", "1.5", "-0.01", "99.995"],
    "double": ["0e0", "1.5e0", "-1e308", "1e-300"],
    "date": ["date'2024-02-29'", "date'9999-12-31'", "date'0001-01-01'"],
    "timestamp": ["timestamp'2024-03-31 01:30:00'", "timestamp'1991-09-15 00:30:00'"], "boolean": ["true", "false"],
}  # fmt: skip
ARITHMETIC = {"bigint": ("+", "-", "*", "div", "%"), "double": ("+", "-", "*", "/"), "decimal": ("+", "-")}
CALLS = {
    kind: [way for ways in functions().values() for way in ways if way.result == kind and way.kinds] for kind in TYPES
}
PLAIN = {"text": "string", "number": "bigint", "T": "string", "U": "bigint"}


COMPARED = ("{} = {}", "{} <> {}", "{} <=> {}", "{} in ({}, {})")
ORDERED = ("{} < {}", "{} >= {}", "{} between {} and {}")
JOINED = ("({} and {})", "({} or {})", "not {}", "(not {} or {})")
CHOICES = ("if(? , {}, {})", "case when ? then {} end", "coalesce({}, {})", "nullif({}, {})")


class Growing:
    """Generates an expression of a type, at most `depth` levels deep."""

    def __init__(self, draw):
        self.one_of = lambda options: draw(st.sampled_from(options))

    def of(self, kind, depth):
        columns = [name for name, typed in SCHEMA.items() if typed.split("(")[0] == kind]
        if depth == 0:
            return self.one_of([*columns, *columns, *LITERALS[kind]])
        forms = ["choice", "cast", "leaf"] + ["call"] * 2 * bool(CALLS[kind])
        forms += ["operator"] * 2 if kind in ARITHMETIC else []
        return getattr(self, self.one_of(forms + (["compare", "join"] if kind == "boolean" else [])))(kind, depth - 1)

    def leaf(self, kind, depth):
        return self.of(kind, 0)

    def filled(self, form, kind, depth):
        while "?" in form:
            form = form.replace("?", self.of("boolean", depth), 1)
        while "{}" in form:
            form = form.replace("{}", self.of(kind, depth), 1)
        return form

    def call(self, kind, depth):
        signature, parts = self.one_of(CALLS[kind]), []
        for place, parameter in enumerate(kind.removesuffix("...") for kind in signature.kinds):
            fixed = OF_KIND[parameter][place if place < len(OF_KIND[parameter]) else 0]
            grown = PLAIN.get(parameter, parameter)
            parts.append(self.of(grown, depth) if grown in TYPES else fixed)
        return f"{signature.name}({', '.join(parts)})"

    def choice(self, kind, depth):
        return self.filled(self.one_of(CHOICES), kind, depth)

    def cast(self, kind, depth):
        source = self.one_of([source for source, target in PAIRS if target == kind] or [kind])
        return f"cast({self.of(source, depth)} as {'decimal(18,2)' if kind == 'decimal' else kind})"

    def operator(self, kind, depth):
        return f"({self.of(kind, depth)} {self.one_of(ARITHMETIC[kind])} {self.of(kind, depth)})"

    def compare(self, _, depth):
        kind = self.one_of(TYPES)
        return self.filled(self.one_of(COMPARED if kind == "boolean" else COMPARED + ORDERED), kind, depth)

    def join(self, _, depth):
        return self.filled(self.one_of(JOINED), "boolean", depth)


@st.composite
def expressions(draw):
    growing = Growing(draw)
    return growing.of(growing.one_of(TYPES), growing.one_of([1, 2, 3]))


def sound(text):
    """Whether the grammar accepts it: decimals may become too long, and only some functions allow date patterns."""
    try:
        return len(safe_sql(parse(text), SCHEMA)) < 20_000
    except ExpressionError:
        return False


EXPRESSIONS = st.lists(expressions().filter(sound), min_size=5, max_size=20)


@examples(60)
@given(EXPRESSIONS, st.sampled_from(ZONES))
def test_no_expression_fails_at_run_time(texts, zone):
    by_expression = answers_to(embedded(), zone, texts)
    assert set(by_expression) == set(texts)
