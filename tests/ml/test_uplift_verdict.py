"""Whom to send to: by uplift, by response, to all or to none; on figures, and on simulated campaigns."""

import re

import numpy as np
import pytest

from ml.uplift.comparison import Terms, UpliftEvidence, compare, held_out_half, random_half
from ml.uplift.experiment import Experiment
from ml.uplift.learners import linear, uplift_learners
from ml.uplift.resampling import ConfidenceInterval
from ml.uplift.verdict import verdict

WORKS, UNSURE, HARMS = (0.03, 0.05), (-0.01, 0.02), (-0.06, -0.02)


def interval(bounds):
    return ConfidenceInterval(sum(bounds) / 2, *bounds)


def evidence(
    effect=WORKS,
    net=WORKS,
    over=UNSURE,
    response=UNSURE,
    first=WORKS,
    gains=WORKS,
    over_all=UNSURE,
    cost=0,
    uplift=WORKS,
):
    by_learner = {"t_learner": interval(over)}
    both = ("t_learner", "response")
    return UpliftEvidence(
        Terms(1, cost), 10, interval(effect), interval(net),
        {"t_learner": interval(uplift), "response": interval(response)}, dict.fromkeys(both, interval(first)),
        by_learner, dict.fromkeys(both, interval(gains)), dict.fromkeys(both, interval(over_all)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("figures", "target", "words"),
    [
        (dict(over=WORKS), "uplift", "T-learner ranks better than the response model"),
        # Above a response model that ranks badly, and not above a random order.
        (dict(over=WORKS, uplift=UNSURE), "all", "no ranking beats a random order"),
        (dict(response=WORKS), "response", "no uplift learner beats the response model"),
        (dict(uplift=UNSURE), "all", "no ranking beats a random order"),
        (dict(), "all", "beats a random order, but is not shown to beat the response model"),
        (dict(effect=HARMS, net=HARMS), "none", "[-0.0600, -0.0200]"),
        (dict(effect=UNSURE, net=UNSURE), "none", "no effect is shown"),
        # Where contact harms some and helps others, a ranking may find the latter.
        (dict(effect=UNSURE, net=UNSURE, over=WORKS), "uplift", "ranks better"),
        (dict(effect=UNSURE, net=UNSURE, over=WORKS, first=UNSURE), "none", "no effect is shown"),
        # Contact costs: a ranking must gain, and more than contact with all does.
        (dict(cost=1, over=WORKS, over_all=WORKS), "uplift", "more than contact with all"),
        (dict(cost=1, over=WORKS), "all", "by the T-learner gains no more"),
        (dict(cost=1, over=WORKS, net=HARMS), "uplift", "more than contact with all"),
        (dict(cost=1, over=WORKS, net=HARMS, gains=UNSURE), "none", "costs as much as it brings"),
        (dict(cost=1, net=HARMS), "none", "costs as much as it brings"),
        (dict(cost=1, response=WORKS, over_all=WORKS), "response", "no uplift learner beats"),
    ],
)
def test_verdict_by_figures(figures, target, words):
    judged = verdict(evidence(**figures))
    assert judged.target == target
    assert judged.sentence.startswith(("Target all", "Target none", f"Target by {target}"))
    assert words in judged.sentence
    # In Chinese the same figures, and no English word but the name of the figure.
    english, chinese = (re.findall(r"-?\d+\.\d+", text) for text in (judged.sentence, judged.sentence.chinese))
    assert english == chinese
    assert set(re.findall("[A-Za-z]{2,}", judged.sentence.chinese)) <= {"Qini"}
    assert judged.learner == {"uplift": "t_learner", "response": "response"}.get(target, "")


def test_where_nothing_beats_response_every_verdict_says_so():
    for figures in (dict(), dict(response=WORKS), dict(effect=HARMS, net=HARMS), dict(cost=1, net=HARMS)):
        judged = verdict(evidence(**figures))
        assert not judged.beats_response
        assert "o uplift learner beats the response model" in judged.sentence


def campaign(effect, rows=8_000, seed=0):
    """A campaign whose effect is a function of two features between 0 and 1; the second drives the outcome too."""
    random = np.random.default_rng(seed)
    matrix = random.random((rows, 2))
    treated = random.random(rows) < 0.5
    outcome = random.random(rows) < 0.2 + 0.3 * matrix[:, 1] + effect(matrix[:, 0], matrix[:, 1]) * treated
    return Experiment(matrix, treated, outcome.astype(float), np.full(rows, 0.5))


@pytest.mark.parametrize(
    ("effect", "terms", "target"),
    [
        (lambda first, second: 0.4 * first - 0.1, Terms(), "uplift"),
        (lambda first, second: 0.3 * second, Terms(), "response"),
        (lambda first, second: 0.1, Terms(), "all"),
        (lambda first, second: 0.1, Terms(margin=10, cost=2), "none"),
        (lambda first, second: 0.4 * first, Terms(margin=10, cost=2), "uplift"),
        (lambda first, second: 0.4 * first + 0.1, Terms(margin=10, cost=0.1), "all"),
        (lambda first, second: -0.1, Terms(), "none"),
    ],
)
def test_verdict_of_simulated_campaigns(effect, terms, target):
    assert verdict(compare(campaign(effect), linear(), terms, halves=4, repeats=60)).target == target


def test_halves_share_no_customer_and_each_row_of_a_customer_is_learned_from_or_held_out():
    learned, rest = random_half(31, seed=1)
    assert sorted([*learned, *rest]) == list(range(31)) and len(learned) == 15
    rows = campaign(lambda first, second: 0.1, rows=600)
    some = Experiment(rows.matrix, rows.treated, rows.outcome, rows.probability, np.arange(600) // 3)
    held_out = held_out_half(some, uplift_learners(linear()), Terms(), seed=1)
    assert len(held_out.rows) == 300 and (np.bincount(held_out.rows // 3)[np.unique(held_out.rows // 3)] == 3).all()
