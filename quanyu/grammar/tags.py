"""Tags: states, classes, bands and values of an entity by rules over its profile, one file for each scene."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator
from sqlglot import exp

from quanyu.expressions import ExpressionError, check_columns, check_domain, parse, safe_sql, two_valued, type_of
from quanyu.expressions.aggregates import condition
from quanyu.grammar.bounds import Sentence, StrictModel
from quanyu.grammar.declaration import NAME, Problems, YamlDeclaration
from quanyu.grammar.feature.grouping import key_column
from quanyu.grammar.platforms.categories import Category
from quanyu.grammar.table import TYPE, Column
from quanyu.literals import quoted

MOST_BANDS = 100
AS_OF, DAY = "as_of", Column("date", "The day that is asked about.")
NUMBERS = ("int", "bigint", "double", "decimal")


def profile_column(name: str) -> str:
    """Column of a profile that holds `view.feature`, `scene.tag`, `model.score` or `entity.attribute`."""
    return name.replace(".", "__")


def is_tag_name(name: str) -> bool:
    """Whether a tag may have this name within its scene: then it names a column of the profile."""
    return NAME.match(name) is not None and "__" not in name


def over_profile(tree: exp.Expr) -> exp.Expr:
    """The expression over the columns of a profile."""
    whole = exp.Paren(this=tree.copy())
    for column in list(whole.find_all(exp.Column)):
        if column.table:
            column.replace(exp.column(profile_column(f"{column.table}.{column.name}"), quoted=True))
    inner: exp.Expr = whole.this
    return inner.pop()


class Tag(StrictModel):
    """One tag. Exactly one of `when`, `cases`, `of` and `value` says what it is.

    `when` is a condition. `cases` maps classes to conditions, of which the first that holds counts; `else` names the
    class of the others. `of` is a number that is cut into bands: at `edges`, each of which begins a band, or into
    `quantiles` of equal size, with equal numbers in one band, of all or of those `within_each` class by itself. `value`
    is an expression.
    """

    means: Sentence = Field(description="say in a sentence what the tag means")
    when: str | None = Field(None, description="condition of who has it")
    cases: dict[str, str] = Field(
        {}, description="classes, each with its condition; `else` with the class of the others"
    )
    of: str | None = Field(None, description="number that is cut into bands")
    edges: tuple[float, ...] = Field((), description="numbers that begin the second band, the third, and so on")
    quantiles: int | None = Field(None, ge=2, le=MOST_BANDS, description="number of bands of equal size")
    within_each: str | None = Field(None, description="class whose members are ranked among themselves by quantiles")
    names: tuple[str, ...] = Field((), description="names of the bands, from the lowest numbers to the highest")
    value: str | None = Field(None, description="expression of its value")
    zh: str = Field("", description="name in Chinese, by which people find it")
    unit: str = Field("", description="unit of the value")
    category: Category | None = Field(
        None, description="sensitive category that it is of, if what it is made of is of none: platforms forbid some"
    )
    lifecycle: Literal["draft", "live", "retiring", "retired"] = Field(
        "live", description="draft is not yet for use, retiring is still used and soon not, retired is not computed"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Tag:
        kinds = [key for key in ("when", "cases", "of", "value") if getattr(self, key)]
        if len(kinds) != 1:
            raise ValueError(f"exactly one of when, cases, of and value is wanted, and here is {len(kinds)}")
        if list(self.cases)[:-1].count("else"):
            raise ValueError("`else` is the last of the cases")
        if self.of is None and (self.edges or self.quantiles or self.names):
            raise ValueError("edges, quantiles and names belong to a tag with `of`")
        if self.within_each and not self.quantiles:
            raise ValueError("within_each belongs to a tag with quantiles")
        if self.of is not None:
            self._check_bands()
        return self

    def _check_bands(self) -> None:
        if bool(self.edges) == (self.quantiles is not None):
            raise ValueError("a tag with `of` wants either edges or quantiles")
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("edges rise, and each is given once")
        bands = self.quantiles or len(self.edges) + 1
        if len(set(self.names)) != bands or len(self.names) != bands:
            raise ValueError(f"{bands} bands want {bands} different names")

    def texts(self) -> dict[str, str]:
        """Every expression of the tag, by its key."""
        texts = {f"cases.{name}": text for name, text in self.cases.items() if name != "else"}
        texts |= {key: text for key in ("when", "of", "within_each", "value") if (text := getattr(self, key))}
        return texts

    def inputs(self) -> list[str]:
        """What the tag is made of: `view.feature`, `scene.tag`, `model.score`, `entity.attribute`."""
        named = dict.fromkeys(name for text in self.texts().values() for name in parse(text).columns)
        return [name for name in named if name != AS_OF]

    def column(self, names: Mapping[str, Column]) -> Column:
        """The column that it gives, out of what rules may name, and `as_of`. Raises ExpressionError."""
        names = {**names, AS_OF: DAY}
        if self.when is not None:
            condition(self.when, names)
            return Column("boolean", self.means)
        if self.cases:
            for name, text in self.cases.items():
                if name != "else":
                    condition(text, names)
            classes = (self.cases[name] if name == "else" else name for name in self.cases)
            return Column("string", self.means, values=tuple(dict.fromkeys(classes)))
        return self._measured(names)

    def _measured(self, names: Mapping[str, Column]) -> Column:
        expression = parse(self.of or self.value or "")
        check_columns(expression, names)
        check_domain(expression.tree, names)
        if expression.aggregates:
            raise ExpressionError(f"{expression.text!r} aggregates rows: say it as a feature")
        kind = type_of(expression, {name: column.type for name, column in names.items()})
        if self.of is not None:
            if not kind.startswith(NUMBERS):
                raise ExpressionError(f"{expression.text!r} is a {kind}, where bands are cut from a number")
            if self.within_each:
                key_column(self.within_each, names)
            return Column("string", self.means, values=self.names)
        if not TYPE.match(kind):
            raise ExpressionError(f"{expression.text!r} is a {kind}, which no column holds")
        return Column(kind, self.means, unit=self.unit)

    def sql(self, types: Mapping[str, str]) -> str:
        """SQL of the tag over the flat columns of a profile, of which `types` are the types."""
        if self.when is not None:
            return _rule(self.when, types)
        if self.cases:
            return self._cases(types)
        number = safe_sql(over_profile(parse(self.of or self.value or "").tree), types)
        if self.of is None:
            return number
        each = safe_sql(over_profile(parse(self.within_each).tree), types) if self.within_each else None
        return self._band(number, each)

    def _cases(self, types: Mapping[str, str]) -> str:
        whens = [
            f"when {_rule(text, types)} then {quoted(name)}" for name, text in self.cases.items() if name != "else"
        ]
        rest = quoted(self.cases["else"]) if "else" in self.cases else "null"
        return f"case {' '.join(whens)} else {rest} end"

    def _band(self, number: str, each: str | None) -> str:
        if self.quantiles is None:
            whens = " ".join(
                f"when {number} < {edge!r} then {quoted(name)}"
                for edge, name in zip(self.edges, self.names, strict=False)
            )
            return f"case when {number} is null then null {whens} else {quoted(self.names[-1])} end"
        # Equal numbers have one rank, so that a band never parts them.
        missing = f"{number} is null" + (f" or {each} is null" if each else "")
        group = f"partition by as_of, {f'{each}, ' if each else ''}{missing}"
        rank = f"rank() over ({group} order by {number}) - 1"
        size = f"count(*) over ({group})"
        names = ", ".join(map(quoted, self.names))
        place = f"cast(({rank}) * {self.quantiles} div {size} + 1 as int)"
        return f"if({missing}, null, element_at(array({names}), {place}))"


def _rule(text: str, types: Mapping[str, str]) -> str:
    return safe_sql(two_valued(over_profile(parse(text).tree)), types)


class TagFile(YamlDeclaration):
    """Tags of one scene: the file's name is the scene, and rules name a tag as `scene.tag`."""

    kind: ClassVar[str] = "tags"

    entity: str = Field(description="what the tags are about, such as customer")
    category: Category | None = Field(None, description="sensitive category that all tags of the scene are of")
    tags: dict[str, Tag] = Field(description="tags of the scene, by name")

    def problems(self, names: Mapping[str, Column]) -> Problems:
        """Check names and every expression; `names` maps all that rules of the entity may name to columns."""
        problems = Problems()
        for name, tag in self.tags.items():
            if not is_tag_name(name):
                problems.add(self.file, f"tags.{name}", "is no name: lower case letters, digits and single _")
            for key, message in _faults(tag, names):
                problems.add(self.file, f"tags.{name}{key}", message)
        return problems

    def named(self) -> Iterator[tuple[str, Tag]]:
        """Each tag with its full name."""
        for name, tag in self.tags.items():
            yield f"{self.name}.{name}", tag


def _faults(tag: Tag, names: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    try:
        tag.column(names)
    except ExpressionError as error:
        yield "", str(error)
