"""When the next purchase comes: simulated customers with a rhythm of their own, and BG/NBD's waiting time."""

import numpy as np
import pytest

from ml.buying.bg_nbd import BgNbd, PurchaseHistories
from ml.buying.likelihood import Maximum
from ml.buying.next_purchase import PurchaseRhythm, days_until_bought
from ml.lifecycle.train import TooLittleDataError
from quanyu.errors import ConfigError

GAP, BETWEEN, WITHIN = 30.0, 0.4, 0.5
TRUE = PurchaseRhythm(Maximum((GAP, BETWEEN, WITHIN), np.eye(3), 0.0))
RATES = BgNbd(Maximum((0.8, 30.0, 0.7, 2.5), np.eye(4), 0.0))


def one(*values):
    return (np.array([value], float) for value in values)


def rhythms(seed, count=1000):
    """Number of gaps and the logarithmic mean of the gaps of customers with a gap of their own."""
    random = np.random.default_rng(seed)
    gaps = random.integers(0, 9, count).astype(float)
    own = np.log(GAP) + random.normal(0, np.sqrt(BETWEEN), count)
    return gaps, np.exp(own + random.normal(0, np.sqrt(WITHIN / np.maximum(gaps, 1))))


def test_intervals_of_95_percent_hold_the_parameters_of_95_in_100_simulations():
    holds = []
    for seed in range(30):
        intervals = PurchaseRhythm.fit(*rhythms(seed=seed)).maximum.intervals(0.95)
        holds += [low < truth < high for truth, (low, high) in zip((GAP, BETWEEN, WITHIN), intervals, strict=True)]
    assert 0.9 < np.mean(holds) < 0.99


def test_the_share_of_simulated_customers_who_bought_by_then_is_as_asked():
    random, count, gaps, typical, since = np.random.default_rng(4), 400_000, 3.0, 45.0, 25.0
    own = random.normal(np.log(GAP), np.sqrt(BETWEEN), count)
    # Those whose three gaps look like the customer's.
    alike = abs(own + random.normal(0, np.sqrt(WITHIN / gaps), count) - np.log(typical)) < 0.05
    coming = np.exp(own[alike] + random.normal(0, np.sqrt(WITHIN), alike.sum()))
    waits = coming[coming > since] - since
    for share in (0.1, 0.5, 0.9):
        days = TRUE.days_until(*one(gaps, typical, since), share)[0]
        assert (waits <= days).mean() == pytest.approx(share, abs=0.02)


def test_who_has_no_gap_has_that_of_all_and_who_has_many_has_his_own():
    new, regular = (TRUE.days_until(*one(gaps, 7, 0))[0] for gaps in (0, 500))
    assert new == pytest.approx(GAP, rel=0.02)
    assert regular == pytest.approx(7, rel=0.02)
    assert new == TRUE.days_until(*one(0, np.nan, 0))[0]


def test_the_later_already_the_longer_still():
    waits = [TRUE.days_until(*one(4, 30, since))[0] for since in (20, 60, 200, 5000)]
    assert waits == sorted(waits) and np.isfinite(waits).all() and min(waits) > 0


def test_the_median_wait_by_bg_nbd_is_when_half_have_bought():
    histories = PurchaseHistories(*np.array([(0, 0, 20), (4, 280, 300), (30, 100, 104)], float).T, np.ones(3))
    for share in (0.3, 0.5):
        for place, days in enumerate(days_until_bought(RATES, histories, share)):
            assert RATES.probability_of_none(histories, days)[place] == pytest.approx(1 - share)


def test_who_has_probably_left_never_buys_again():
    gone = PurchaseHistories(*one(30, 100, 300), np.ones(1))
    assert RATES.probability_alive(gone)[0] < 0.5
    assert days_until_bought(RATES, gone).tolist() == [np.inf]


def test_gaps_that_cannot_be_learned_from_are_refused_in_a_sentence():
    with pytest.raises(TooLittleDataError, match="29 customers have a gap between purchases"):
        PurchaseRhythm.fit(np.repeat((1.0, 0.0), (29, 100)), np.full(129, 5.0))
    with pytest.raises(ConfigError, match="gap is not above 0 days"):
        PurchaseRhythm.fit(np.ones(50), np.where(np.arange(50) == 3, -1.0, 5.0))
