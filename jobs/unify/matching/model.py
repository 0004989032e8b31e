"""The match model: probabilities of levels among pairs of one person (m) and other pairs (u), and term frequencies.

Weights are log2 of the Bayes factor m / u (Fellegi and Sunter 1969). Where two records share a value, its own frequency
replaces the average (Winkler's term frequencies).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jobs.unify.matching import fields, households
from jobs.unify.matching.comparison import COMPARISONS, PLACES, TERMS
from jobs.unify.matching.levels import CodedField, PairLevels

# Most bits that the frequency of a shared value may add or subtract.
MOST_TERM = 7.0
# Fields whose values have frequencies.
BASES = tuple(field for fields in TERMS.values() for field in fields)
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Model:
    """m and u by comparison and level (index 0 is not used), term frequencies by hash, and parameters of its training.

    `terms` are sorted hashes (int64) and shares (float64). `bases` are the probabilities that two random records share
    a value; pairs below the weight `floor` are dropped; `households` is the share of household pairs among those of two
    persons; `salt` keys the hashes.
    """

    m: Mapping[str, Array]
    u: Mapping[str, Array]
    terms: Mapping[str, tuple[Array, Array]]
    bases: Mapping[str, float]
    rarest: float
    floor: float
    households: float
    salt: str = field(repr=False)

    def text(self) -> str:
        """All but the term frequencies, as JSON."""
        comparisons = {name: {"m": _plain(self.m[name]), "u": _plain(self.u[name])} for name in PLACES}
        rest = {"rarest": self.rarest, "floor": self.floor, "bases": dict(self.bases), "households": self.households}
        return json.dumps({"comparisons": comparisons, **rest}, sort_keys=True)

    def shares(self, columns: Mapping[str, CodedField]) -> dict[str, Array]:
        """Share of each coded value (values, float64), by term."""
        by_term = {}
        for term, (hashes, shares) in self.terms.items():
            values = columns[TERMS[term][0]].values
            coded = _hashes(values, self.salt)
            at = np.minimum(np.searchsorted(hashes, coded), max(len(hashes) - 1, 0))
            is_listed = hashes[at] == coded if len(hashes) else np.zeros(len(coded), bool)
            by_term[term] = np.where(is_listed, shares[at] if len(hashes) else 0.0, self.rarest)
        return by_term

    def weights(self, compared: PairLevels, shares: Mapping[str, Array]) -> Array:
        """Weight of each comparison of each pair against strangers, in bits (pairs by comparisons, float32)."""
        bits = np.zeros(compared.levels.shape, dtype=np.float32)
        for place, comparison in enumerate(COMPARISONS):
            table = np.log2(self.m[comparison.name] / self.u[comparison.name])
            table[0] = 0.0
            bits[:, place] = table[compared.levels[:, place]]
            for term in comparison.terms:
                codes = compared.terms[term.field]
                rows = np.flatnonzero(codes >= 0)
                share = np.maximum(shares[term.name][codes[rows]], self.rarest)
                bits_of_value = np.log2(self.bases[term.field] / share).clip(-MOST_TERM, MOST_TERM)
                bits[rows, place] += bits_of_value.astype(np.float32)
        return bits

    def total(self, compared: PairLevels, weights: Array) -> Array:
        """Weight of each pair (pairs,) in bits, against strangers and members of one household."""
        against = households.person_or_household_weights(compared.levels, self.m)
        return households.combined_weights(weights.sum(axis=1), against, self.households)


def _plain(values: Array) -> list[float]:
    return [round(float(value), 9) for value in values]


def _hashes(values: list[str], salt: str) -> Array:
    import pandas as pd

    return fields.hashed(pd.Series(values, dtype=object), salt)


def read(text: str, terms: Mapping[str, tuple[Array, Array]], assumed: Model) -> Model:
    """Build the model from its JSON and its term frequencies.

    A comparison that is newer than the text weighs as in `assumed`, so that old versions stay usable after a release.
    """
    parameters = json.loads(text)
    m, u = dict(assumed.m), dict(assumed.u)
    for name, rates in parameters["comparisons"].items():
        if name in PLACES and len(rates["m"]) == len(m[name]):
            m[name], u[name] = np.array(rates["m"]), np.array(rates["u"])
    share = parameters.get("households", assumed.households)
    bases = {name: parameters["bases"].get(name, parameters["bases"].get("names", 1.0)) for name in BASES}
    return Model(m, u, terms, bases, parameters["rarest"], parameters["floor"], share, assumed.salt)
