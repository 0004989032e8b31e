"""Match scores of a few records, with the weight of every field, for explanations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from jobs.steward.directory import Directory, RecordKey
from jobs.unify.ids.pairs import limits
from jobs.unify.matching import blocks, fields, model_versions, training
from jobs.unify.matching.comparison import COMPARISONS, CROWD_KINDS, FIELDS
from jobs.unify.matching.scoring import PreparedRecords, are_relatives, unpacked
from jobs.unify.records import match_state, reader

Array = np.ndarray[Any, Any]
# Below so many bits, the explanation mentions that both may be members of one household.
LEAST_TOLD = -0.1


@dataclass(frozen=True)
class ScorePart:
    """One comparison of two records: the values of both, the words of its level, and its weight in bits."""

    name: str
    words: str
    weight: float
    values: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class MatchScore:
    """Match score of two records: probability, total weight in bits, and its parts.

    Names of two persons have no probability. `compared` says whether they share a block, so that a run compares them.
    """

    one: RecordKey
    other: RecordKey
    probability: float | None
    weight: float
    parts: tuple[ScorePart, ...]
    compared: bool


class MatchNeighbourhood:
    """Match scores around some records: from the stored state, or computed where a home is small."""

    def __init__(self, directory: Directory) -> None:
        self.directory, context = directory, directory.context
        self.salt = reader.salt_of(context.settings)
        self.match = context.catalogue.identity.match
        self.model = model_versions.load(context, model_versions.pinned(context) or 0)
        self.rate = model_versions.rate(context)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Pairs of persons that are linked by match score: a, b, weight."""
        remembered = match_state.load_state(self.directory.lake, len(self.match.blocks))
        if len(remembered.person):
            person, batch = remembered.person, remembered.columns["batch"]
            pairs = (
                match_state.valid_pairs(remembered.pairs, person, batch)
                .select(["a", "b", "levels", "weight"])
                .to_pandas()
            )
        else:
            pairs = self._computed_pairs()
        likely = training.probability(pairs["weight"].to_numpy(), self.rate) >= self.match.link
        sure: pd.DataFrame = pairs[likely & ~are_relatives(pairs["levels"].to_numpy())]
        return sure[["a", "b", "weight"]]

    def _computed_pairs(self) -> pd.DataFrame:
        ids = self.directory.identifiers.group_by(reader.KEYS).aggregate([]).select(reader.KEYS).to_pandas()
        keys = sorted(RecordKey(*key) for key in ids.itertuples(index=False))
        compared, block_keys = self._compared(keys, self.directory.raw(keys))
        groups = blocks.grouped(block_keys)
        a, b, _ = blocks.candidates(groups, limits(self.match, groups, len(keys)), np.ones(len(keys), bool))
        scored: pd.DataFrame = compared.scored(a, b).select(["a", "b", "levels", "weight"]).to_pandas()
        return scored.astype({"weight": float})

    def _compared(
        self, keys: list[RecordKey], raw: pd.DataFrame, floor: float | None = None
    ) -> tuple[PreparedRecords, Array]:
        prepared = fields.prepare_fields(raw)
        block = [list(one.same) for one in self.match.blocks]
        codes = {f"{kind}_code": fields.hashed(prepared[kind], self.salt) for kind in CROWD_KINDS}
        texts = {name: pa.array(prepared[name], pa.string()) for name in FIELDS}
        table = pa.table({"person": self.directory.persons(keys), **codes, **texts})
        model = self.model if floor is None else replace(self.model, floor=floor)
        return PreparedRecords(table, model), fields.keys(prepared, block, self.salt)

    def linked_records(self, some: set[RecordKey]) -> set[RecordKey]:
        """Records that the match score links to some."""
        numbers = self.directory.persons(some)
        assignments = self.directory.current_ids
        pairs = self.pairs[self.pairs["a"].isin(numbers) | self.pairs["b"].isin(numbers)]
        others = assignments[assignments["person"].isin([*pairs["a"], *pairs["b"]])]
        return {RecordKey(*key) for key in zip(others["source"], others["person_key"], strict=True)}

    def links(self, keys: Sequence[RecordKey]) -> pd.DataFrame:
        """Links by match score as positions among the keys: a, b, weight."""
        place = {int(number): at for at, number in enumerate(self.directory.persons(keys))}
        pairs = self.pairs[self.pairs["a"].isin(place.keys()) & self.pairs["b"].isin(place.keys())]
        return pairs.assign(a=pairs["a"].map(place), b=pairs["b"].map(place)).reset_index(drop=True)

    def best_score(self, some: Sequence[RecordKey], others: Sequence[RecordKey]) -> MatchScore:
        """Weigh the most similar pair of some records and others."""
        keys = sorted({*some, *others})
        raw = self.directory.raw(keys)
        compared, block_keys = self._compared(keys, raw, floor=-1e9)
        place = {key: at for at, key in enumerate(keys)}
        a, b = (np.array(x) for x in zip(*((place[x], place[y]) for x in some for y in others if x != y), strict=True))
        scored = compared.scored(a, b).to_pydict()
        best = int(np.argmax(scored["weight"]))
        levels = unpacked(scored["levels"][best])
        values = _compared_values(raw.iloc[[a[best], b[best]]])
        parts = tuple(
            ScorePart(one.name, one.words[levels[one.name]], scored["weights"][best][at], values[one.name])
            for at, one in enumerate(COMPARISONS)
        )
        rest = scored["weight"][best] - sum(scored["weights"][best])
        apart = bool(are_relatives(np.array([scored["levels"][best]]))[0])
        parts += (ScorePart("relatives", "names of two persons: at most for review", 0.0),) if apart else ()
        parts += (ScorePart("household", "could be two members of one", rest),) if rest < LEAST_TOLD else ()
        shared = (block_keys[a[best]] == block_keys[b[best]]) & (block_keys[a[best]] != 0)
        sure = float(training.probability(np.array([scored["weight"][best]]), self.rate)[0])
        ends = keys[a[best]], keys[b[best]]
        return MatchScore(*ends, None if apart else sure, scored["weight"][best], parts, bool(shared.any()))


def _compared_values(raw: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """What two records show to each comparison: as delivered, or as parsed where that says more."""
    prepared = fields.prepare_fields(raw)
    values = {}
    for comparison in COMPARISONS:
        parsed = len(comparison.fields) < len(comparison.columns)
        rows = prepared[list(comparison.fields)] if parsed else raw[list(comparison.columns)]
        one, other = (", ".join(filter(None, row)) for row in rows.to_numpy().tolist())
        values[comparison.name] = (one, other)
    return values
