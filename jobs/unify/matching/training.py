"""Unsupervised training: u from random pairs, m by EM over blocked pairs, each block without its own fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.unify.matching import fields, households
from jobs.unify.matching.comparison import COMPARISONS, PLACES, TERMS
from jobs.unify.matching.levels import CodedField, compare_pairs
from jobs.unify.matching.model import BASES, Model

Array = np.ndarray[Any, Any]
RANDOM_PAIRS, BLOCKED_PAIRS, SAMPLED_PAIRS, ROUNDS = 500_000, 40_000, 200_000, 30
PARTS_OF_A_BIT = 256
# Records of a home that is too small to be trained on.
A_FEW = 100
# How many pairs the assumed probabilities are worth: they matter in small sets only.
WORTH_M, WORTH_U = 20.0, 200.0
# The least probability that the issued number of a person is another person's too: a typo, or reassigned.
LEAST_CHANCE = 1e-6


@dataclass(frozen=True)
class Patterns:
    """Distinct rows of levels (patterns by comparisons, uint8), and how many pairs have each (patterns, float64)."""

    levels: Array
    counts: Array


def patterns(levels: Array) -> Patterns:
    """Count the distinct rows of levels."""
    code = np.zeros(len(levels), dtype=np.int64)
    for place in range(levels.shape[1]):
        code = code * 16 + levels[:, place]
    _, first, counts = np.unique(code, return_index=True, return_counts=True)
    return Patterns(levels[first], counts.astype(float))


def train(
    columns: Mapping[str, CodedField], pairs: tuple[Array, Array, Array], blocks: Sequence[Sequence[str]], salt: str
) -> Model:
    """Train on records as coded columns and on candidate pairs: a, b (positions) and the blocks in bits."""
    columns, pairs = _in_order(columns, pairs)
    draw = np.random.default_rng(20240701)
    n = len(columns["given"].codes)
    a, b = _random_pairs(n, draw)
    random = patterns(compare_pairs(dict(columns), a, b).levels)
    blocked = _blocked(columns, pairs, len(blocks), draw)
    skips = [{one.name for one in COMPARISONS if set(on) & set(one.block_fields)} for on in blocks]
    chances = {one.name: by_chance(columns[one.fields[0]].values) for one in COMPARISONS if one.issued}
    m, u = _estimate(random, [(sample, skips[place]) for place, sample in blocked], n, chances)
    terms, bases = _terms(columns, salt)
    prior = max(len(pairs[0]), n) / max(n * (n - 1) / 2, 1)
    floor = float(np.clip(-np.log2(min(prior, 0.01)) - 12.0, 0.0, 20.0))
    return Model(m, u, terms, bases, 1.0 / max(n, 2000), floor, _households(columns, pairs, m, u, draw), salt)


def _in_order(
    columns: Mapping[str, CodedField], pairs: tuple[Array, Array, Array]
) -> tuple[dict[str, CodedField], tuple[Array, Array, Array]]:
    """Sort records and pairs by content, so that no sample depends on the home's key."""
    order = np.lexsort([column.codes for column in columns.values()])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    a, b, bits = rank[pairs[0]], rank[pairs[1]], pairs[2]
    a, b = np.minimum(a, b), np.maximum(a, b)
    rows = np.lexsort((b, a))
    sorted_columns = {name: CodedField(column.codes[order], column.values) for name, column in columns.items()}
    return sorted_columns, (a[rows], b[rows], bits[rows])


def _households(
    columns: Mapping[str, CodedField], pairs: tuple[Array, Array, Array], m: Mapping[str, Array],
    u: Mapping[str, Array], draw: np.random.Generator,
) -> float:  # fmt: skip
    """Share of household pairs, estimated from a sample of the candidate pairs."""
    a, b, _ = pairs
    rows = np.sort(draw.choice(len(a), min(len(a), SAMPLED_PAIRS), replace=False))
    sample = patterns(compare_pairs(dict(columns), a[rows], b[rows]).levels)
    logs = [_weights(sample.levels, some, u, set()).clip(-300.0, 300.0) for some in (m, households.levels_of(m))]
    counts = sample.counts * len(a) / max(len(rows), 1)
    return households.estimated(logs[0], logs[1], counts, len(columns["given"].codes))


def assumed(salt: str) -> Model:
    """The model for sets too small to train on: priors alone."""
    m = {one.name: np.array([1.0, *one.m]) for one in COMPARISONS}
    u = {one.name: np.array([1.0, *one.u]) for one in COMPARISONS}
    none = (np.zeros(0, np.int64), np.zeros(0))
    return Model(m, u, dict.fromkeys(TERMS, none), dict.fromkeys(BASES, 1.0), 1.0, 0.0, households.share(A_FEW), salt)


def _random_pairs(n: int, draw: np.random.Generator) -> tuple[Array, Array]:
    if n * (n - 1) // 2 <= RANDOM_PAIRS:
        return np.triu_indices(n, 1)
    a, b = draw.integers(0, n, RANDOM_PAIRS), draw.integers(0, n, RANDOM_PAIRS)
    return a[a != b], b[a != b]


def _blocked(
    columns: Mapping[str, CodedField], pairs: tuple[Array, Array, Array], count: int, draw: np.random.Generator
) -> list[tuple[int, Patterns]]:
    """Patterns of a sample of each block's pairs."""
    a, b, bits = pairs
    samples = []
    for place in range(count):
        rows = np.flatnonzero(bits >> place & 1)
        if len(rows) > BLOCKED_PAIRS:
            rows = np.sort(draw.choice(rows, BLOCKED_PAIRS, replace=False))
        if len(rows):
            samples.append((place, patterns(compare_pairs(dict(columns), a[rows], b[rows]).levels)))
    return samples


def by_chance(values: Sequence[str]) -> float:
    """Probability that numbers of two persons are equal by chance: by their last four digits, and what precedes them.

    Counted among random pairs it would be as high as the share of pairs of one person, where many records have no other
    evidence of identity.
    """
    if not len(values):
        return 1.0
    parts = ([value[:-4] for value in values], [value[-4:] for value in values])
    shares = (np.unique(part, return_counts=True)[1] / len(values) for part in parts)
    return max(float(np.prod([(share**2).sum() for share in shares])), LEAST_CHANCE)


def _estimate(
    random: Patterns, blocked: list[tuple[Patterns, set[str]]], n: int, chances: Mapping[str, float]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """EM: the probability of one person by the levels of all but the block's own fields; then m, and u of the rest.

    Household pairs are a class of their own: they would pass for one person whose given name often differs. `chances`
    are upper limits of u for equal values, by comparison.
    """
    m = {one.name: np.array([1.0, *one.m]) for one in COMPARISONS}
    u = _u_probabilities(random, random.counts, chances)
    rates, rate = [(0.1, 0.1)] * len(blocked), min(0.01, 2.0 / max(n, 2))
    for _ in range(ROUNDS):
        sums: dict[str, Array] = {one.name: np.array([0.0, *one.m]) * WORTH_M for one in COMPARISONS}
        for at, (sample, skip) in enumerate(blocked):
            sure, rates[at] = _expectation(sample, (m, households.levels_of(m), u), skip, rates[at])
            for name, place in PLACES.items():
                if name not in skip:
                    level_sums = np.bincount(sample.levels[:, place], sure * sample.counts, len(m[name]))
                    sums[name][1:] += level_sums[1:]
        m = {name: _normalised(level_sums) for name, level_sums in sums.items()}
        sure = _probability(_weights(random.levels, m, u, set()), rate)
        rate = float(np.clip((sure * random.counts).sum() / random.counts.sum(), 1e-12, 0.05))
        rest = random.counts * (1 - sure)
        u = _u_probabilities(random, rest, chances)
    return m, u


def _u_probabilities(random: Patterns, counts: Array, chances: Mapping[str, float]) -> dict[str, Array]:
    """u by comparison, from random pairs weighted by the probability that they are two persons."""
    u = {one.name: _probabilities(random, PLACES[one.name], counts, one.u, WORTH_U) for one in COMPARISONS}
    for name, chance in chances.items():
        u[name][-1] = min(u[name][-1], chance)
        u[name][1:] /= u[name][1:].sum()
    return u


def _expectation(
    sample: Patterns, classes: tuple[Mapping[str, Array], ...], skip: set[str], rates: tuple[float, float]
) -> tuple[Array, tuple[float, float]]:
    """Probability of each pattern to be one person, and the rates of one person and of one household in the block."""
    m, family, u = classes
    logs = [_weights(sample.levels, some, u, skip).clip(-300.0, 300.0) for some in (m, family)]
    parts = [rate * np.exp2(log) for rate, log in zip(rates, logs, strict=True)]
    total = sum(parts) + 1.0 - sum(rates)
    one, other = (float((part / total * sample.counts).sum() / sample.counts.sum()) for part in parts)
    one = min(max(one, 1e-7), 1 - 1e-6)
    return parts[0] / total, (one, min(max(other, 1e-8), (1 - one) * 0.9))


def _weights(levels: Array, m: Mapping[str, Array], u: Mapping[str, Array], skip: set[str]) -> Array:
    totals = np.zeros(len(levels))
    for name, place in PLACES.items():
        if name not in skip:
            table = np.log2(m[name] / u[name])
            table[0] = 0.0
            totals += table[levels[:, place]]
    return totals


def _probability(weights: Array, rate: float) -> Array:
    return np.asarray(1.0 / (1.0 + (1.0 - rate) / rate * np.exp2(-weights.clip(-300.0, 300.0))))


def _probabilities(sample: Patterns, place: int, counts: Array, prior: Sequence[float], worth: float) -> Array:
    level_counts = np.bincount(sample.levels[:, place], counts, len(prior) + 1)
    total = level_counts[1:].sum()
    # No more weight of the prior than a large set can ignore.
    level_counts[1:] += np.array(prior) * min(worth, max(total * 1e-3, 1.0))
    return _normalised(level_counts)


def _normalised(counts: Array) -> Array:
    shares = np.array(counts, dtype=float)
    shares[0] = 0.0
    shares = np.maximum(shares, 1e-12)
    shares[1:] /= shares[1:].sum()
    shares[0] = 1.0
    return np.asarray(shares)


def _terms(columns: Mapping[str, CodedField], salt: str) -> tuple[dict[str, tuple[Array, Array]], dict[str, float]]:
    """Shares of values that more than two records have, sorted by hash, and the probability of sharing one."""
    import pandas as pd

    terms, bases = {}, {}
    for term, names in TERMS.items():
        counts = np.zeros(max(len(columns[names[0]].values), 1))
        share = np.zeros(len(counts))
        for name in names:
            codes = columns[name].codes
            counts = np.bincount(codes[codes >= 0], minlength=len(counts)).astype(float)
            own = counts / max(counts.sum(), 1.0)
            share = np.maximum(share, np.where(counts > 2, own, 0.0))
            bases[name] = max(float((own**2).sum()), 1e-7)
        often = np.flatnonzero(share)
        hashes = fields.hashed(pd.Series([columns[names[0]].values[i] for i in often], dtype=object), salt)
        order = np.argsort(hashes)
        terms[term] = (hashes[order], share[often][order])
    return terms, bases


def prior(weights: Array, records: int) -> float:
    """Estimate how often two random records are one person, from the weights of all candidate pairs.

    It is a fixed point: as many pairs as the probabilities under it add up to. Small sets count as a thousand records,
    since a few records are no evidence.
    """
    pairs = max(records, 1000) * (max(records, 1000) - 1) / 2
    rate = records / pairs if records else 1e-6
    # Rounded to parts of a bit, millions of weights have few distinct values.
    steps = np.rint(np.asarray(weights, float) * PARTS_OF_A_BIT).astype(np.int64)
    lowest = int(steps.min()) if len(steps) else 0
    counts = np.bincount(steps - lowest)
    values = (np.arange(len(counts)) + lowest) / PARTS_OF_A_BIT
    for _ in range(500):
        fresh = max(float((_probability(values, rate) * counts).sum()), 1.0) / pairs
        if abs(fresh - rate) < 1e-6 * rate:
            break
        rate = min(fresh, 0.01)
    return rate


def probability(weights: Array, rate: float) -> Array:
    """Probability that a pair is one person, from its weight in bits and the prior."""
    return _probability(weights, rate)
