"""Public figures of Hillstrom's e-mail test, on fewer halves than the benchmark."""

import os
from pathlib import Path

import pytest

from benchmarks.hillstrom import LEAST_QINI, MEN, WOMEN, read, two_arms
from ml.uplift.comparison import compare
from ml.uplift.learners import linear
from ml.uplift.verdict import verdict

DATA = Path(os.environ.get("QUANYU_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = pytest.mark.skipif(not (DATA / "hillstrom_email").is_dir(), reason="needs public data: QUANYU_DATA")


def test_womens_email_is_sent_by_uplift():
    evidence = compare(two_arms(read(DATA), WOMEN), linear(), halves=4, repeats=40)
    assert evidence.qini["t_learner"].value >= LEAST_QINI
    assert verdict(evidence).target == "uplift"


def test_of_mens_email_it_is_said_that_no_uplift_learner_beats_the_response_model():
    judged = verdict(compare(two_arms(read(DATA), MEN), linear(), halves=4, repeats=40))
    assert not judged.beats_response and judged.target == "response"
    assert "no uplift learner beats the response model" in judged.sentence
