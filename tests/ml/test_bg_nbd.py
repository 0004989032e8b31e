"""BG/NBD against a slow independent computation, simulated customers and what others published."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import beta, gamma

from ml.buying import formulas
from ml.buying.bg_nbd import BgNbd, PurchaseHistories, _Likelihood
from ml.buying.no_purchase import PurchasePast, probability_of_none
from ml.lifecycle.train import TooLittleDataError
from quanyu.errors import ConfigError
from quanyu.grammar.task import Examples

RATES = {"r": 0.8, "alpha": 30.0, "a": 0.7, "b": 2.5}
# Repeats, days from the first to the last purchase, days from the first purchase to now.
CUSTOMERS = np.array([(0, 0, 0), (0, 0, 200), (1, 10, 300), (4, 280, 300), (30, 100, 104), (30, 100, 300)], float).T


def customers(count, rates=RATES, days=365, seed=7):
    """Simulate who first buys on some day of a half year, purchase by purchase."""
    random, rows = np.random.default_rng(seed), []
    for first in random.integers(0, 180, count):
        rate, dropout = random.gamma(rates["r"], 1 / rates["alpha"]), random.beta(rates["a"], rates["b"])
        at, repeats, last = 0.0, 0, 0.0
        while True:
            at += random.exponential(1 / rate)
            if at > days - first:
                break
            repeats, last = repeats + 1, at
            if random.random() < dropout:
                break
        rows.append((repeats, last, days - first))
    return PurchaseHistories.of(*np.array(rows, float).T)


@pytest.fixture(scope="module")
def simulated():
    return BgNbd.fit(customers(6000))


def test_the_parameters_of_simulated_customers_are_recovered_within_their_intervals(simulated):
    for (name, truth), (low, high) in zip(RATES.items(), simulated.maximum.intervals(0.99), strict=True):
        assert low < truth < high, name
        assert high / low < 3, name


def of_one_customer(rates, repeats, last, age):
    """Likelihood of a history by integrals over the rate and over dropout, each by itself."""
    r, alpha, a, b = rates.values()

    def of_rate(until):
        return quad(lambda x: gamma.pdf(x, r, scale=1 / alpha) * x**repeats * np.exp(-x * until), 0, np.inf, limit=400)[
            0
        ]

    def of_dropout(power, leaves):
        return quad(lambda p: beta.pdf(p, a, b) * (1 - p) ** power * (p if leaves else 1), 0, 1, limit=400)[0]

    stays = of_dropout(repeats, False) * of_rate(age)
    leaves = of_dropout(repeats - 1, True) * of_rate(last) if repeats else 0.0
    return stays, leaves


@pytest.mark.parametrize("customer", [(0, 0, 50), (1, 10, 60), (3, 40, 60)])
def test_likelihood_and_p_alive_are_those_of_numerical_integration(customer):
    stays, leaves = of_one_customer(RATES, *customer)
    histories = PurchaseHistories(*np.array([customer], float).T, np.ones(1))
    mean, _ = _Likelihood.of(histories).mean(np.array(list(RATES.values())))
    assert mean == pytest.approx(np.log(stays + leaves), abs=1e-6)
    alive = formulas.probability_alive(RATES, *np.array([customer], float).T)
    assert alive == pytest.approx(stays / (stays + leaves), abs=1e-6)


def test_the_gradient_is_that_of_differences():
    likelihood, at = _Likelihood.of(customers(200)), np.array([0.5, 20.0, 0.9, 1.4])
    _, gradient = likelihood.mean(at)
    for place, step in enumerate(np.eye(4) * 1e-5):
        difference = (likelihood.mean(at + step)[0] - likelihood.mean(at - step)[0]) / 2e-5
        assert gradient[place] == pytest.approx(difference, rel=1e-5, abs=1e-9)


def test_equal_customers_count_by_weight():
    one_by_one = customers(300)
    twice = [np.repeat(values, 2 * one_by_one.weights.astype(int)) for values in (
        one_by_one.repeats, one_by_one.last, one_by_one.age)]  # fmt: skip
    once, doubled = BgNbd.fit(one_by_one), BgNbd.fit(PurchaseHistories.of(*twice))
    assert doubled.rates == pytest.approx(once.rates, rel=1e-3)
    assert doubled.maximum.log_likelihood == pytest.approx(2 * once.maximum.log_likelihood, rel=1e-6)


def test_the_unit_of_time_only_scales_alpha():
    in_days = customers(1500)
    in_weeks = PurchaseHistories(in_days.repeats, in_days.last / 7, in_days.age / 7, in_days.weights)
    days, weeks = BgNbd.fit(in_days), BgNbd.fit(in_weeks)
    assert weeks.rates == pytest.approx({**days.rates, "alpha": days.rates["alpha"] / 7}, rel=1e-3)
    # Each repeat is 7 times as dense in a week.
    shift = np.log(7) * (in_days.weights @ in_days.repeats)
    assert weeks.maximum.log_likelihood == pytest.approx(days.maximum.log_likelihood + shift, rel=1e-6)


def closed_form(rates, horizon, repeats, last, age):
    """Equation (10) of Fader, Hardie and Lee."""
    r, alpha, a, b = rates.values()
    series = hyp2f1(r + repeats, b + repeats, a + b + repeats - 1, horizon / (alpha + age + horizon))
    head = (a + b + repeats - 1) / (a - 1) * (1 - ((alpha + age) / (alpha + age + horizon)) ** (r + repeats) * series)
    tail = a / (b + np.maximum(repeats, 1) - 1) * ((alpha + age) / (alpha + last)) ** (r + repeats)
    return head / (1 + np.where(repeats > 0, tail, 0))


@pytest.mark.parametrize("horizon", [1.0, 90.0, 400.0])
def test_expected_purchases_are_those_of_the_published_formula(horizon):
    expected = formulas.expected_purchases(RATES, horizon, *CUSTOMERS)
    assert expected == pytest.approx(closed_form(RATES, horizon, *CUSTOMERS), rel=1e-8)


@pytest.mark.parametrize("a", [1.0, 1e-5, 3.0])
def test_where_the_formula_has_no_value_nearby_parameters_tell_it(a):
    at, nearby = {**RATES, "a": a}, {**RATES, "a": a * (1 + 1e-5)}
    expected = formulas.expected_purchases(at, 90.0, *CUSTOMERS)
    assert expected == pytest.approx(closed_form(nearby, 90.0, *CUSTOMERS), rel=1e-4)


def test_expected_purchases_and_none_are_those_of_simulated_futures():
    random, count, horizon = np.random.default_rng(3), 200_000, 90.0
    purchases = formulas.expected_purchases(RATES, horizon, *CUSTOMERS)
    none = formulas.probability_of_none(RATES, horizon, *CUSTOMERS)
    alive = formulas.probability_alive(RATES, *CUSTOMERS)
    for place, (repeats, _, age) in enumerate(CUSTOMERS.T):
        rate = random.gamma(RATES["r"] + repeats, 1 / (RATES["alpha"] + age), count)
        dropout = random.beta(RATES["a"], RATES["b"] + repeats, count)
        bought = np.minimum(random.poisson(rate * horizon), random.geometric(np.maximum(dropout, 1e-12)))
        bought = np.where(random.random(count) < alive[place], bought, 0)
        assert bought.mean() == pytest.approx(purchases[place], abs=1e-6 + 4 * bought.std() / np.sqrt(count))
        assert (bought == 0).mean() == pytest.approx(none[place], abs=0.004)


def test_many_purchases_do_not_overflow():
    histories = np.array([(3000.0, 3000.0, 3001.0), (3000.0, 1000.0, 3001.0)]).T
    assert formulas.probability_alive(RATES, *histories) == pytest.approx([1, 0], abs=0.01)
    assert formulas.expected_purchases(RATES, 90.0, *histories) == pytest.approx([87.5, 0], abs=2)


@pytest.mark.parametrize(
    ("repeats", "last", "age", "sentence"),
    [
        ([1.0], [np.nan], [9.0], "unknown or infinite"),
        ([1.0], [10.0], [9.0], "last purchase after its end"),
        ([-1.0], [0.0], [9.0], "negative number"),
        ([2.0], [0.0], [9.0], "a last purchase after the first"),
    ],
)
def test_histories_that_contradict_themselves_are_refused_in_a_sentence(repeats, last, age, sentence):
    with pytest.raises(ConfigError, match=sentence):
        PurchaseHistories.of(*map(np.array, (repeats, last, age)))


def test_too_few_who_bought_again_are_refused_in_a_sentence():
    few = PurchaseHistories.of(*np.array([(1, 5, 20)] * 29 + [(0, 0, 20)] * 500, float).T)
    with pytest.raises(TooLittleDataError, match="29 customers bought on a second day; BG/NBD needs at least 30"):
        BgNbd.fit(few)


def test_customers_who_never_leave_are_fitted_as_such():
    rates = {"r": 2.0, "alpha": 30.0, "a": 1e-6, "b": 1.0}
    fitted = BgNbd.fit(customers(800, rates))
    assert fitted.rates["r"] == pytest.approx(2, rel=0.2)
    assert fitted.probability_alive(PurchaseHistories(*CUSTOMERS, np.ones(6)))[:5].min() > 0.9


def test_the_probability_of_none_is_learned_from_the_newest_row_of_each_and_unknown_without_a_past():
    past, names = customers(2000), ("recency.days_since_order", "other.x", "rhythm.purchase_days",
                                    "recency.days_since_first")  # fmt: skip
    whole = np.stack([past.age - past.last, past.age, past.repeats + 1, past.age], axis=1)
    newest = np.repeat(whole, past.weights.astype(int), axis=0)
    # Of an earlier cutoff: half of what is known of each today, which must not count again.
    matrix = np.concatenate([newest, newest / 2])
    keys = pd.Series([*range(len(newest))] * 2)
    cutoffs = pd.Series(pd.to_datetime(["2024-05-01"] * len(newest) + ["2024-04-01"] * len(newest)))
    fitted = PurchasePast().fit(names, Examples(matrix, np.zeros(len(matrix)), keys, cutoffs), 90)
    assert (fitted["past"], fitted["own"]) == ([2, 3, 0], [0, 1])
    repeats, last, age = CUSTOMERS
    test = np.stack([age - last, age, repeats + 1, age], axis=1)
    model, of_test = BgNbd.fit(past), PurchaseHistories(*CUSTOMERS, np.ones(6))
    assert probability_of_none(fitted, test) == pytest.approx(model.probability_of_none(of_test, 90), rel=1e-4)
    test[2, 3] = np.nan
    assert np.isnan(probability_of_none(fitted, test)).tolist() == [place == 2 for place in range(6)]
