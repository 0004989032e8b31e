"""Verdicts of stewards: the newest of a pair counts, and none may contradict what others imply together."""

import pandas as pd
import pytest

from jobs.steward.directory import RecordKey
from jobs.unify.ids import overrides

A, B, C, D = (RecordKey("crm", name) for name in "abcd")


def verdict_rows(*decisions):
    rows = [(*one, *other, said) for said, one, other in decisions]
    return pd.DataFrame(rows, columns=[*overrides.ENDS, "verdict"])


STANDING = verdict_rows(("same", A, B), ("same", B, C), ("different", C, D))


@pytest.mark.parametrize(
    ("said", "one", "other", "expected"),
    [
        ("different", A, C, [(A, B), (B, C)]),
        ("different", C, A, [(B, C), (A, B)]),
        ("different", A, B, []),
        ("different", A, D, []),
        ("same", A, D, [(C, D)]),
        ("same", C, D, []),
        ("same", A, C, []),
        ("open", A, D, []),
    ],
)
def test_a_verdict_must_not_contradict_what_others_imply_together(said, one, other, expected):
    assert overrides.contradicted(STANDING, said, one, other) == expected
