"""Gamma-Gamma against numerical integration and simulated customers, and what customers spend."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gamma as gamma_law

from ml.buying import formulas
from ml.buying.gamma_gamma import GammaGamma, _mean
from ml.lifecycle.train import TooLittleDataError
from quanyu.errors import ConfigError

VALUES = {"p": 4.0, "q": 3.7, "gamma": 50.0}
MODEL = {"bg_nbd": {"r": 0.8, "alpha": 30.0, "a": 0.7, "b": 2.5}, "gamma_gamma": VALUES, "horizon": 90.0}


def spenders(count, seed=5):
    """Customers with a mean value of their own, and what they spent on 1 to 8 days."""
    random = np.random.default_rng(seed)
    days = random.integers(1, 9, count).astype(float)
    own = random.gamma(VALUES["q"], 1 / VALUES["gamma"], count)
    return days, random.gamma(VALUES["p"] * days) / own / days


def test_the_parameters_of_simulated_customers_are_recovered_within_their_intervals():
    fitted = GammaGamma.fit(*spenders(8000))
    for (name, truth), (low, high) in zip(VALUES.items(), fitted.maximum.intervals(0.99), strict=True):
        assert low < truth < high, name
        assert high / low < 2, name


@pytest.mark.parametrize(("days", "spent"), [(1.0, 20.0), (3.0, 90.0)])
def test_likelihood_and_expected_value_are_those_of_numerical_integration(days, spent):
    p, q, gamma = VALUES.values()

    def over_own(value):
        def density(own):
            return (
                gamma_law.pdf(own, q, scale=1 / gamma)
                * gamma_law.pdf(spent, p * days, scale=1 / (own * days))
                * value(own)
            )

        return quad(density, 0, 2, limit=400)[0]

    likelihood = over_own(lambda own: 1.0)
    mean, _ = _mean(np.array([p, q, gamma]), np.array([days]), np.array([spent]))
    assert mean == pytest.approx(np.log(likelihood), abs=1e-6)
    expected = formulas.mean_value(VALUES, days, spent)
    assert expected == pytest.approx(over_own(lambda own: p / own) / likelihood, rel=1e-6)


def test_the_gradient_is_that_of_differences():
    at = np.array([2.0, 2.5, 30.0])
    _, gradient = _mean(at, *spenders(200))
    for place, step in enumerate(np.eye(3) * 1e-5):
        difference = (_mean(at + step, *spenders(200))[0] - _mean(at - step, *spenders(200))[0]) / 2e-5
        assert gradient[place] == pytest.approx(difference, rel=1e-5)


def test_who_has_not_bought_is_expected_to_spend_what_all_do():
    p, q, gamma = VALUES.values()
    assert formulas.mean_value(VALUES, 0.0, 0.0) == pytest.approx(p * gamma / (q - 1))


def test_the_more_days_the_less_the_mean_of_all_counts():
    few, many = (formulas.mean_value(VALUES, days, 500.0) for days in (1.0, 100.0))
    assert few < many < 500


def test_negative_and_missing_amounts_are_refused_in_a_sentence():
    days, spent = spenders(100)
    for amount in (-1.0, 0.0, np.nan):
        with pytest.raises(ConfigError, match="mean value is not above 0"):
            GammaGamma.fit(days, np.where(np.arange(100) == 7, amount, spent))


def test_too_few_who_bought_twice_are_refused_in_a_sentence():
    _, spent = spenders(500)
    with pytest.raises(TooLittleDataError, match="29 customers bought on two days; Gamma-Gamma needs at least 30"):
        GammaGamma.fit(np.where(np.arange(500) < 29, 2.0, 1.0), spent)


# Days with a purchase, days since the first and since the last, mean value.
CUSTOMERS = np.array(
    [(1, 10, 10, 30), (1, 300, 300, 80), (6, 120, 20, 60), (41, 302, 2, 100), (4, 200, 150, 50)], float
).T


def futures(customer, horizon=MODEL["horizon"], count=200_000):
    """Simulate on how many days a customer buys in the horizon, and what he spends."""
    random, (days, first, last, spent) = np.random.default_rng(3), customer
    r, alpha, a, b = MODEL["bg_nbd"].values()
    alive = formulas.probability_alive(MODEL["bg_nbd"], *np.array([[days - 1], [first - last], [first]]))[0]
    rate, dropout = random.gamma(r + days - 1, 1 / (alpha + first), count), random.beta(a, b + days - 1, count)
    bought = np.minimum(random.poisson(rate * horizon), random.geometric(np.maximum(dropout, 1e-12)))
    bought = np.where(random.random(count) < alive, bought, 0)
    own = random.gamma(VALUES["p"] * days + VALUES["q"], 1 / (VALUES["gamma"] + days * spent), count)
    return bought, np.where(bought > 0, random.gamma(np.maximum(VALUES["p"] * bought, 1)) / own, 0)


def near_mean(values):
    return pytest.approx(values.mean(), abs=4 * values.std() / np.sqrt(len(values)))


def test_value_and_its_interval_are_those_of_simulated_futures():
    scores = formulas.lifetime(MODEL, *CUSTOMERS)
    for customer, (_, value, low, high, *_) in zip(CUSTOMERS.T, scores, strict=True):
        _, spending = futures(customer)
        assert value == near_mean(spending)
        quantiles = np.quantile(spending, (formulas.LOW, formulas.HIGH))
        assert (low, high) == pytest.approx(tuple(quantiles), rel=0.02)


def test_purchases_and_value_of_a_year_are_those_of_simulated_futures():
    for customer, (soon, *_, within_year, value) in zip(CUSTOMERS.T, formulas.lifetime(MODEL, *CUSTOMERS), strict=True):
        bought, spending = futures(customer, horizon=365)
        assert (within_year, value) == (near_mean(bought), near_mean(spending)) and within_year > soon


def test_a_customer_has_the_same_score_alone_and_among_others():
    among = formulas.lifetime(MODEL, *np.tile(CUSTOMERS, 3))
    alone = [formulas.lifetime(MODEL, *CUSTOMERS[:, [place]])[0] for place in range(CUSTOMERS.shape[1])]
    assert among == pytest.approx(np.tile(alone, (3, 1)), rel=1e-3)
