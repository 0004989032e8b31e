"""Members of one household: what they have in common, so that the match score alone does not join them.

Fellegi and Sunter model pairs of one person and pairs of strangers, and assume that fields are independent. A family
shares name, address and often a phone, and so is neither: it is a third class of pairs, with probabilities of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rapidfuzz.distance import OSA

from jobs.unify.matching import names
from jobs.unify.matching.comparison import COMPARISONS, PLACES
from jobs.unify.matching.levels import CodedField
from jobs.unify.matching.sounds import roman

Array = np.ndarray[Any, Any]
# Household pairs per record: the default, and bounds of the estimate.
ASSUMED, LEAST, MOST = 1.0, 0.01, 10.0


def share(records: int, pairs_a_record: float = ASSUMED) -> float:
    """Share of household pairs among all pairs of two persons."""
    return float(2 * np.clip(pairs_a_record, LEAST, MOST) * records / max(records, 1000) ** 2)


def estimated(one: Array, household: Array, counts: Array, records: int) -> float:
    """Estimate the share from weights of candidate pairs against strangers, for one person and for one household.

    It is a fixed point: as many pairs as the probabilities under it add up to. `one`, `household` and `counts` are
    (patterns,) float64; `counts` is how many pairs have each row of weights.
    """
    pairs = max(records, 1000) * (max(records, 1000) - 1) / 2
    same, estimate = 1.0 * records / pairs, share(records)
    for _ in range(200):
        parts = same * np.exp2(one), estimate * np.exp2(household)
        total = parts[0] + parts[1] + 1.0
        same, fresh = (max(float((part / total * counts).sum()), 1e-3) / pairs for part in parts)
        if abs(fresh - estimate) < 1e-4 * estimate:
            break
        estimate = fresh
    return share(records, estimate * pairs / max(records, 1))


def levels_of(m: Mapping[str, Array]) -> dict[str, Array]:
    """Probability of each level among household pairs, by comparison, from `m` of pairs of one person."""
    return {one.name: np.array([1.0, *one.household]) if one.household else m[one.name] for one in COMPARISONS}


def level_weights(m: Mapping[str, Array]) -> dict[str, Array]:
    """Weight of each level for one person against a household, in bits, by comparison; 0 where nothing is compared."""
    family = levels_of(m)
    tables = {name: np.log2(m[name] / family[name]) for name in PLACES}
    for table in tables.values():
        table[0] = 0.0
    return tables


def person_or_household_weights(levels: Array, m: Mapping[str, Array]) -> Array:
    """Weight of pairs for one person against a household, in bits (float32); `levels` is pairs by comparisons."""
    tables = level_weights(m)
    weights = np.zeros(len(levels), np.float32)
    for name, place in PLACES.items():
        weights += tables[name].astype(np.float32)[levels[:, place]]
    return weights


def combined_weights(strangers: Array, household: Array, share: float) -> Array:
    """Weight against everybody else in bits, from the weights against strangers and against a household."""
    return np.asarray(-np.logaddexp2(np.log2(1 - share) - strangers, np.log2(share) - household))


def relatives(columns: Mapping[str, CodedField], common: Array, a: Array, b: Array, levels: Array) -> Array:
    """Flag pairs whose names belong to two persons, such as twins, however similar the rest is: 1, otherwise 0 (int64).

    Such names are: given names that differ, unless one is an initial, a short form or a typo of the other; nearly the
    same ones of two sexes; single words that differ; Chinese names in the other order; and
    `_with_contacts_of_their_own`. A name that others have is no typo: `common` (names, bool) says which. Pairs with the
    same national id, or all but one character of it, are one person.
    """
    given_level, family_level, gender_level = (levels[:, PLACES[name]] for name in ("given", "family", "gender"))
    two_persons = ((given_level == 0) & (family_level == 1)) | ((given_level == 3) & (gender_level == 1))
    unlike = np.flatnonzero((given_level > 0) & (given_level < 4))
    codes, values = [columns[name].codes for name in ("given", "family")], columns["given"].values
    rows = np.stack([codes[0][a[unlike]], codes[1][a[unlike]], codes[0][b[unlike]], codes[1][b[unlike]]], axis=1)
    different, inverse = np.unique(rows.reshape(-1, 4), axis=0, return_inverse=True)
    apart = [_other_given_names(*(values[code] if code >= 0 else "" for code in row)) for row in different.tolist()]
    two_persons[unlike] |= np.array(apart, bool)[inverse.ravel()] if apart else False
    codes_of = (codes[0][a], codes[0][b])
    slip = ((given_level == 2) | ((given_level == 3) & (gender_level != 1))) & ~np.logical_and(
        *(common[code] & (code >= 0) for code in codes_of)
    )
    han = np.array([*map(names.is_han, values), False], bool)
    two_persons &= ~slip | np.logical_or(*(han[code] & (code >= 0) for code in codes_of))
    # In Chinese the written order counts: 杨林 is not 林杨.
    crosswise = (codes[0][a] == codes[1][b]) & (codes[1][a] == codes[0][b]) & (codes[0][a] != codes[0][b])
    two_persons |= crosswise & han[codes[0][a]]
    two_persons |= _with_contacts_of_their_own(values, codes_of, levels)
    return np.asarray(two_persons & (levels[:, PLACES["national_id"]] < 2), np.int64)


def _with_contacts_of_their_own(values: Sequence[str], given_names: tuple[Array, Array], levels: Array) -> Array:
    """Pairs with phones or e-mails but none in common, and names that are only similar, or of two generations.

    Twins have similar names and a phone each; a typo in a name comes with the same phone or mailbox. An initial is no
    other name.
    """
    contacts, given_level = levels[:, [PLACES["email"], PLACES["phone"]]], levels[:, PLACES["given"]]
    initial = np.array([*(len(value) == 1 and not names.is_han(value) for value in values), False], bool)
    not_initial, family_level = ~np.logical_or(*(initial[codes] for codes in given_names)), levels[:, PLACES["family"]]
    # In Latin letters, the parts of a name such as Kim Minjun may be swapped.
    alike = ((given_level > 1) & (given_level < 4) & not_initial) | (
        (given_level == 4) & (family_level > 1) & (family_level < 4)
    )
    generations = (given_level > 1) & (levels[:, PLACES["birthday"]] == 1)
    return np.asarray((alike | generations) & (contacts == 1).any(axis=1) & ~(contacts > 1).any(axis=1))


def _other_given_names(given_name: str, family_name: str, other_given_name: str, other_family_name: str) -> bool:
    """Whether neither given name is a form of the other; crosswise where parts are in swapped columns."""
    if family_name and roman(family_name) == roman(other_given_name):
        return not _is_variant(given_name, other_family_name)
    if given_name and roman(given_name) == roman(other_family_name):
        return not _is_variant(family_name, other_given_name)
    return not _is_variant(given_name, other_given_name)


def _is_variant(one: str, other: str) -> bool:
    """Whether one sounds like or begins the other, differs in one letter, or omits, doubles or swaps characters."""
    short, long = sorted((one, other), key=len)
    if roman(one) == roman(other):
        return True
    if not names.is_han(one + other):
        # In names of three letters one that differs makes another name: Tim and Tom.
        long_enough = len(short) >= 4 or len(long) > len(short)
        near = one.isascii() and other.isascii() and long_enough and OSA.distance(one, other) <= 1
        return near or long.startswith(short)
    rest = iter(long)
    return sorted(one) == sorted(other) or all(character in rest for character in short)
