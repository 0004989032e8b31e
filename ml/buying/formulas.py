"""What BG/NBD and Gamma-Gamma foretell. MLflow stores a copy of this file with each model: it imports none of ours.

`repeats` are days with a purchase after the first, `last` the days from the first purchase to the last, `age` the days
from the first purchase to now: all of shape (rows,).
Sources: Fader, Hardie, Lee, "Counting your customers the easy way", Marketing Science 24 (2005); Fader, Hardie,
"The Gamma-Gamma model of monetary value", brucehardie.com/notes/025 (2013).
`days_until` is the rhythm of `ml.buying.next_purchase`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LOW, HIGH = 0.1, 0.9
YEAR = 365.0
# Nobody buys for longer: such a number of days is a mistake.
MOST_DAYS = 100_000.0
QUARTILES = (0.5, 0.25, 0.75)
# Beyond this the tail of the normal distribution has no value of its own.
FARTHEST = 30.0
NODES = 48
RARE = 1e-4
# Logarithms of spending by its scale: steps of a twelfth.
GRID = np.linspace(-10.0, 6.0, 193)
ROWS_AT_ONCE = 65_536


def probability_alive(rates: dict[str, float], repeats: Any, last: Any, age: Any) -> Any:
    """Probability that a customer still buys; 1 for who bought once, as BG/NBD lets nobody leave before a repeat."""
    from scipy.special import expit

    alpha, shape = rates["alpha"], rates["r"] + repeats
    log_odds = np.log(rates["a"] / (rates["b"] + np.maximum(repeats, 1) - 1))
    log_odds = log_odds + shape * (np.log(alpha + age) - np.log(alpha + last))
    return np.where(repeats > 0, expit(-log_odds), 1.0)


def expected_purchases(rates: dict[str, float], horizon: float, repeats: Any, last: Any, age: Any) -> Any:
    """Expected days with a purchase in the next `horizon` days.

    The closed form has a singularity at a = 1, and its hypergeometric function fails for many repeats. So it is the
    mean of (1 - exp(-rate dropout horizon)) / dropout, over the rate exactly and over dropout by quadrature.
    """
    purchases = np.empty(len(repeats))
    for count, rows, ages, places in _alike(repeats, age):
        dropout, weights = _beta_nodes(rates["a"], rates["b"] + count)
        growth = np.log1p(dropout * (horizon / (rates["alpha"] + ages))[:, None])
        purchases[rows] = ((-np.expm1(-(rates["r"] + count) * growth) / dropout) @ weights)[places]
    return probability_alive(rates, repeats, last, age) * purchases


def probability_of_none(rates: dict[str, float], horizon: float, repeats: Any, last: Any, age: Any) -> Any:
    """Probability of no purchase in the next `horizon` days, of who left or who only waits."""
    buys = -np.expm1((rates["r"] + repeats) * -np.log1p(horizon / (rates["alpha"] + age)))
    return 1 - probability_alive(rates, repeats, last, age) * buys


def _alike(repeats: Any, age: Any) -> Any:
    """Yield each number of repeats, its rows, their distinct ages, and the place of each row among these."""
    for count in np.unique(repeats):
        rows = np.flatnonzero(repeats == count)
        # Gamma functions once for each age, not for each customer.
        yield count, rows, *np.unique(age[rows], return_inverse=True)


def _beta_nodes(a: float, b: float) -> tuple[Any, Any]:
    """Gauss-Jacobi nodes and weights of the mean over Beta(a, b), by Golub and Welsch."""
    from scipy.linalg import eigh_tridiagonal

    k = np.arange(1, NODES, dtype=np.float64)
    total = 2 * k + a + b - 2
    diagonal = np.concatenate(([a / (a + b)], 0.5 + (a - b) * (a + b - 2) / (2 * total * (total + 2))))
    # The first is the variance of Beta(a, b): its general form is 0 / 0 where a + b = 1.
    k, total = k[1:], total[1:]
    squares = k * (k + a - 1) * (k + b - 1) * (k + a + b - 2) / (total**2 * (total**2 - 1))
    squares = np.concatenate(([a * b / ((a + b) ** 2 * (a + b + 1))], squares))
    nodes, vectors = eigh_tridiagonal(diagonal, np.sqrt(squares))
    return np.maximum(nodes, 1e-300), vectors[0] ** 2


def mean_value(values: dict[str, float], days: Any, spent: Any) -> Any:
    """Expected value of a day with a purchase, of who bought on `days` days for `spent` each, shape (rows,)."""
    p, q, gamma = values["p"], values["q"], values["gamma"]
    return p * (gamma + days * spent) / (p * days + q - 1)


def value_quantiles(model: dict[str, Any], histories: tuple[Any, Any, Any], spent: Any, levels: Any) -> Any:
    """Quantiles of what each customer spends in the horizon, shape (rows, levels).

    They are of the person's spending, not of its mean: both purchases and their values vary, the parameters do not.
    """
    repeats, _, age = histories
    chance = probability_alive(model["bg_nbd"], *histories)
    quantiles = np.empty((len(repeats), len(levels)))
    for count, rows, ages, places in _alike(repeats, age):
        shares = _distribution(model, count, ages)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            block, of_age = rows[start : start + ROWS_AT_ONCE], places[start : start + ROWS_AT_ONCE]
            for column, level in enumerate(levels):
                # Who left spends nothing, which is the lowest share of the distribution.
                quantiles[block, column] = _inverse(shares[of_age], 1 - (1 - level) / np.maximum(chance[block], 1e-300))
    return quantiles * (model["gamma_gamma"]["gamma"] + (repeats + 1) * spent)[:, None]


def _distribution(model: dict[str, Any], repeats: float, ages: Any) -> Any:
    """Probability of spending at most exp(GRID) times the scale, of who still buys: shape (ages, 1 + grid), 0 first."""
    from scipy.special import betainc, expit

    tail, values = _tail(model["bg_nbd"], model["horizon"], repeats, ages), model["gamma_gamma"]
    exactly = tail - np.concatenate((tail[:, 1:], np.zeros((len(tail), 1))), axis=1)
    # The sum of n purchases is (scale u / (1 - u)) with u ~ Beta(p n, p (repeats + 1) + q).
    sizes, rest = values["p"] * np.arange(1, tail.shape[1] + 1), values["p"] * (repeats + 1) + values["q"]
    nothing = 1 - tail[:, :1]
    return np.concatenate((nothing, nothing + exactly @ betainc(sizes[:, None], rest, expit(GRID))), axis=1)


def _tail(rates: dict[str, float], horizon: float, repeats: float, ages: Any) -> Any:
    """Probability of at least 1, 2, ... purchases of who still buys, shape (ages, purchases), until that is rare."""
    from scipy.special import betainc, betaln

    shape, share = rates["r"] + repeats, horizon / (rates["alpha"] + ages + horizon)
    a, b, columns = rates["a"], rates["b"] + repeats, list[Any]()
    while not columns or columns[-1].max() > RARE:
        count = len(columns) + 1
        # Both must allow it: the rate of buying, and no dropout after any of the purchases before.
        columns.append(betainc(count, shape, share) * np.exp(betaln(a, b + count - 1) - betaln(a, b)))
    return np.stack(columns, axis=1)


def _inverse(shares: Any, wanted: Any) -> Any:
    """Spending by its scale at which the shares, shape (rows, 1 + grid), reach what is wanted, shape (rows,)."""
    at, last = np.arange(len(shares)), len(GRID) - 1
    above = np.clip((shares[:, 1:] < wanted[:, None]).sum(axis=1), 1, last)
    low, high = shares[at, above], shares[at, above + 1]
    part = np.clip((wanted - low) / np.maximum(high - low, 1e-12), 0.0, 1.0)
    return np.where(wanted <= shares[:, 0], 0.0, np.exp(GRID[above - 1] + part * (GRID[above] - GRID[above - 1])))


def days_until(rhythm: dict[str, float], gaps: Any, typical: Any, since: Any, share: float) -> Any:
    """Days from now until a `share` of such customers has bought, if they do: shape (rows,).

    `typical` is the median of a customer's `gaps`, which counts where there are some; `since` are the days since the
    last purchase, which the gap exceeds already.
    """
    from scipy.special import ndtr, ndtri

    own = gaps * rhythm["between"] / (gaps * rhythm["between"] + rhythm["within"])
    days = np.where(gaps > 0, np.maximum(typical, 1e-9), rhythm["gap"])
    centre = np.log(rhythm["gap"]) + own * np.log(days / rhythm["gap"])
    deviation = np.sqrt(rhythm["within"] + rhythm["between"] * (1 - own))
    # Half a day: who bought today may buy tomorrow.
    beyond = ndtr(-np.minimum((np.log(np.maximum(since, 0.5)) - centre) / deviation, FARTHEST))
    return np.maximum(np.exp(centre - deviation * ndtri(beyond * (1 - share))) - since, 0.0)


def next_purchase(model: dict[str, Any], gaps: Any, typical: Any, last: Any, first: Any) -> Any:
    """Return the columns of a score of the next purchase, shape (rows, 4), from features of shape (rows,).

    Number of `gaps` between days with a purchase, their median, days since the `last` purchase and since the `first`.
    """
    days = [days_until(model["rhythm"], gaps, typical, last, share) for share in QUARTILES]
    none = probability_of_none(model["bg_nbd"], model["horizon"], gaps, np.clip(first - last, 0.0, first), first)
    return np.stack((*days, 1 - none), axis=1)


def lifetime(model: dict[str, Any], days: Any, first: Any, last: Any, spent: Any) -> Any:
    """Return the columns of a score of lifetime value, shape (rows, 7), from features of shape (rows,).

    `days` with a purchase, days since the `first` and since the `last`, and what was `spent` on a day with a purchase.
    nan where one of them is not known, or where there were more days with a purchase than days.
    """
    past = np.stack([np.asarray(each, dtype=np.float64) for each in (days, first, last, spent)])
    possible = np.isfinite(past).all(axis=0) & (past[0] <= past[1] + 1) & (past[1] <= MOST_DAYS)
    columns = np.full((past.shape[1], 7), np.nan)
    columns[possible] = _possible_lifetime(model, *past[:, possible])
    return columns


def _possible_lifetime(model: dict[str, Any], days: Any, first: Any, last: Any, spent: Any) -> Any:
    repeats, age = np.maximum(days - 1, 0.0), first
    histories = (repeats, np.clip(first - last, 0.0, age), age)
    of_day = mean_value(model["gamma_gamma"], repeats + 1, spent)
    soon, within_year = (expected_purchases(model["bg_nbd"], ahead, *histories) for ahead in (model["horizon"], YEAR))
    low, high = value_quantiles(model, histories, spent, (LOW, HIGH)).T
    alive = probability_alive(model["bg_nbd"], *histories)
    return np.stack((soon, soon * of_day, low, high, alive, within_year, within_year * of_day), axis=1)
