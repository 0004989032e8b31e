"""The comparisons of two records: what each compares, its levels with their probabilities, and its block fields.

Levels are numbered: 0 where one record has nothing to compare, 1 the lowest of a comparison's own levels, and so on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

from jobs.unify.matching import similarity
from jobs.unify.matching.block_parts import BlockPart, complete_name, initials, start_of
from quanyu.model.people import KINDS

NOT_COMPARED = "not compared"


@dataclass(frozen=True)
class ComparisonLevel:
    """One outcome of a comparison, with its probability in each class of pairs.

    `m` and `u` are assumed among pairs of one person and among random pairs; training replaces them. `household` holds
    among pairs of two members of one household and is not trained; None: as often as among pairs of one person.
    """

    words: str
    m: float
    u: float
    household: float | None = None


@dataclass(frozen=True)
class TermFrequency:
    """Values that weigh by their own frequency where both records share one, and the field that they are of."""

    name: str
    field: str


@dataclass(frozen=True)
class Comparison:
    """One comparison of two records.

    `columns` are read from a record, and `fields` are their compared form. `similar` gives the level of two different
    values of its field; without it, several fields count together. `identifier` is the kind of identifier whose crowd
    values are not compared. `issued` values are numbers that an issuer gives to one person.
    """

    name: str
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    levels: tuple[ComparisonLevel, ...]
    similar: Callable[[list[str], list[str]], similarity.Levels] | None = None
    terms: tuple[TermFrequency, ...] = ()
    parts: tuple[BlockPart, ...] = ()
    identifier: str = ""
    issued: bool = False

    @property
    def highest(self) -> int:
        """The number of the highest level."""
        return len(self.levels)

    @property
    def words(self) -> tuple[str, ...]:
        """Words of the levels by number, from 0."""
        return (NOT_COMPARED, *(level.words for level in self.levels))

    @property
    def m(self) -> tuple[float, ...]:
        """Assumed probabilities of the levels from 1 among pairs of one person."""
        return tuple(level.m for level in self.levels)

    @property
    def u(self) -> tuple[float, ...]:
        """Assumed probabilities of the levels from 1 among random pairs."""
        return tuple(level.u for level in self.levels)

    @property
    def household(self) -> tuple[float, ...] | None:
        """Probabilities of the levels from 1 among household pairs; None where they are those of one person."""
        shares = tuple(level.household for level in self.levels if level.household is not None)
        return shares or None

    @property
    def block_fields(self) -> tuple[str, ...]:
        """Fields and parts that say something of this comparison where a block is formed by them."""
        return (*self.fields, *(part.name for part in self.parts))


NAME = ("given_name", "family_name", "display_name")
NAMES, INITIALS = BlockPart("names", complete_name), BlockPart("initials", initials)
# Household shares: children have a parent's family name, spouses not everywhere; one birth in eighty is of twins.
# fmt: off
COMPARISONS = (
    Comparison(
        "given", columns=NAME, fields=("given",), similar=similarity.personal_names,
        terms=(TermFrequency("names", "given"),),
        parts=(NAMES, INITIALS, BlockPart("given_start", start_of("given"))),
        levels=(
            ComparisonLevel("different", m=0.08, u=0.9, household=0.925),
            ComparisonLevel("alike", m=0.07, u=0.07, household=0.06),
            ComparisonLevel("nearly the same", m=0.1, u=0.01, household=0.01),
            ComparisonLevel("the same", m=0.75, u=0.02, household=0.005),
        ),
    ),
    Comparison(
        "family", columns=NAME, fields=("family",), similar=similarity.personal_names,
        terms=(TermFrequency("names", "family"),),
        parts=(NAMES, INITIALS, BlockPart("family_start", start_of("family"))),
        levels=(
            ComparisonLevel("different", m=0.08, u=0.92, household=0.33),
            ComparisonLevel("alike", m=0.05, u=0.05, household=0.02),
            ComparisonLevel("nearly the same", m=0.07, u=0.01, household=0.02),
            ComparisonLevel("the same", m=0.8, u=0.02, household=0.63),
        ),
    ),
    Comparison(
        "birthday", columns=("birthday",), fields=("birthday",), similar=similarity.birthdays,
        terms=(TermFrequency("birthday", "birthday"),),
        parts=(
            BlockPart("birth_year", lambda fields: fields["birthday"].str[:4]),
            BlockPart("birth_month", lambda fields: fields["birthday"].str[:6]),
        ),
        levels=(
            ComparisonLevel("different", m=0.04, u=0.72, household=0.73),
            ComparisonLevel("within ten years", m=0.02, u=0.22, household=0.25),
            ComparisonLevel("within a year", m=0.02, u=0.05, household=0.01),
            ComparisonLevel("within a month", m=0.03, u=0.008, household=0.003),
            ComparisonLevel("one digit or day and month swapped", m=0.06, u=0.001, household=0.001),
            ComparisonLevel("the same", m=0.83, u=0.001, household=0.006),
        ),
    ),
    Comparison(
        "gender", columns=("gender",), fields=("gender",), similar=similarity.exact,
        levels=(
            ComparisonLevel("different", m=0.02, u=0.45, household=0.55),
            ComparisonLevel("the same", m=0.98, u=0.55, household=0.45),
        ),
    ),
    Comparison(
        "place", columns=("city", "region", "postcode", "address"),
        fields=("city", "region", "postcode", "district", "street", "house"),
        terms=(TermFrequency("street", "street"), TermFrequency("postcode", "postcode"), TermFrequency("city", "city")),
        parts=(BlockPart("address", lambda fields: fields["street"] + "~" + fields["house"]),),
        levels=(
            ComparisonLevel("different", m=0.15, u=0.9),
            ComparisonLevel("same city", m=0.1, u=0.09),
            ComparisonLevel("same postal district", m=0.03, u=0.005),
            ComparisonLevel("same postcode", m=0.05, u=0.002),
            ComparisonLevel("same postcode and house number", m=0.05, u=0.001),
            ComparisonLevel("same street", m=0.1, u=0.001),
            ComparisonLevel("same street and house number", m=0.05, u=0.0005),
            ComparisonLevel("same address, postcode or city too", m=0.47, u=0.0005),
        ),
    ),
    Comparison(
        "email", columns=("email",), fields=("email",), similar=similarity.emails, identifier="email",
        parts=(BlockPart("email_name", lambda fields: fields["email"].str.partition("@")[0]),),
        levels=(
            ComparisonLevel("different", m=0.15, u=0.96, household=0.78),
            ComparisonLevel("alike", m=0.04, u=0.035, household=0.14),
            ComparisonLevel("nearly the same", m=0.04, u=0.003, household=0.02),
            ComparisonLevel("same name or two letters off", m=0.07, u=0.001, household=0.02),
            ComparisonLevel("the same", m=0.7, u=0.001, household=0.04),
        ),
    ),
    Comparison(
        "phone", columns=("phone",), fields=("phone",), similar=similarity.numbers, identifier="phone", issued=True,
        parts=(BlockPart("phone_mask", lambda fields: fields["phone_mask"]),),
        levels=(
            ComparisonLevel("different", m=0.2, u=0.998, household=0.72),
            ComparisonLevel("one digit off", m=0.03, u=0.001, household=0.01),
            ComparisonLevel("the same", m=0.77, u=0.001, household=0.27),
        ),
    ),
    Comparison(
        "national_id", columns=("national_id",), fields=("national_id",), similar=similarity.numbers, issued=True,
        levels=(
            ComparisonLevel("different", m=0.05, u=0.998, household=0.9994),
            ComparisonLevel("one character off", m=0.1, u=0.001, household=0.0005),
            ComparisonLevel("the same", m=0.85, u=0.001, household=0.0001),
        ),
    ),
    Comparison(
        "phone_mask", columns=("phone", "phone_masked"), fields=("phone_mask",), similar=similarity.exact,
        identifier="phone", issued=True,
        levels=(
            ComparisonLevel("different", m=0.25, u=0.99999, household=0.7),
            ComparisonLevel("the same as far as it is shown", m=0.75, u=0.00001, household=0.3),
        ),
    ),
)
# fmt: on
# Place of each comparison where there is one column for each.
PLACES = {comparison.name: place for place, comparison in enumerate(COMPARISONS)}
# Columns that are read of a record: those of its identifiers, and those of people.
COLUMNS = tuple(dict.fromkeys(chain.from_iterable(comparison.columns for comparison in COMPARISONS)))
IDENTIFIERS = tuple(name for name in COLUMNS if name in KINDS)
# Kinds whose crowd values are left out; a record has the code of its value of each, by name `KIND_code`.
CROWD_KINDS = tuple(dict.fromkeys(comparison.identifier for comparison in COMPARISONS if comparison.identifier))
FIELDS = tuple(chain.from_iterable(comparison.fields for comparison in COMPARISONS))
# Each term with its fields, whose values are counted with the same codes.
_TERMS = tuple(chain.from_iterable(comparison.terms for comparison in COMPARISONS))
TERMS = {term.name: tuple(other.field for other in _TERMS if other.name == term.name) for term in _TERMS}
PARTS = {part.name: part for comparison in COMPARISONS for part in comparison.parts}
BLOCK_FIELDS = tuple(dict.fromkeys(chain.from_iterable(comparison.block_fields for comparison in COMPARISONS)))
