"""Maximum likelihood over positive parameters, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.lifecycle.train import TooLittleDataError

if TYPE_CHECKING:
    from quanyu.grammar.task import Floats

    Objective = Callable[[Floats], tuple[float, Floats]]

FLAT = 1e-5
STEP = 1e-4


@dataclass(frozen=True)
class Maximum:
    """Parameters of greatest likelihood, and the covariance of their logarithms, shape (parameters, parameters)."""

    parameters: tuple[float, ...]
    covariance: Floats
    log_likelihood: float

    def intervals(self, level: float = 0.95) -> list[tuple[float, float]]:
        """Interval of each parameter by the delta method on logarithms; nan where the likelihood is flat."""
        from scipy.stats import norm

        variances = np.diag(self.covariance)
        reach = norm.ppf((1 + level) / 2) * np.sqrt(np.where(variances > 0, variances, np.nan))
        logs = np.log(self.parameters)
        return list(zip(np.exp(logs - reach).tolist(), np.exp(logs + reach).tolist(), strict=True))


def maximise(
    objective: Objective, starts: Sequence[Sequence[float]], least: Sequence[float], rows: float, what: str
) -> Maximum:
    """Maximise a mean log-likelihood of `rows` customers from several starts, all in units of the parameters.

    `objective` returns the mean and its gradient by parameter. TooLittleDataError when it settles nowhere.
    """
    from scipy.optimize import minimize

    def loss(logs: Floats) -> tuple[float, Floats]:
        mean, gradient = objective(np.exp(logs))
        return -mean, -gradient * np.exp(logs)

    # Not L-BFGS-B, whose BLAS waits for threads: 50 times slower on a busy machine.
    bounds = [(float(np.log(low)), 16.0) for low in least]
    options = {"maxfun": 2000, "ftol": 1e-15, "gtol": 1e-9}
    ends = [minimize(loss, np.log(start), jac=True, method="TNC", bounds=bounds, options=options)
            for start in starts]  # fmt: skip
    settled = [end for end in ends if np.isfinite(end.fun) and _slope(end.x, end.jac, bounds) < FLAT]
    if not settled:
        raise TooLittleDataError(f"the parameters of {what} do not settle on {rows:,.0f} customers.")
    best = min(settled, key=lambda end: end.fun)
    parameters = tuple(float(value) for value in np.exp(best.x))
    return Maximum(parameters, _covariance(loss, best.x, rows), -float(best.fun) * rows)


def _slope(logs: Floats, gradient: Floats, bounds: Sequence[tuple[float, float]]) -> float:
    """Largest slope that leads within the bounds."""
    low, high = np.array(bounds).T
    free = ~((logs <= low) & (gradient > 0)) & ~((logs >= high) & (gradient < 0))
    return float(np.abs(gradient[free]).max(initial=0.0))


def _covariance(loss: Callable[[Floats], tuple[float, Floats]], logs: Floats, rows: float) -> Floats:
    steps = np.eye(len(logs)) * STEP
    hessian = np.array([loss(logs + step)[1] - loss(logs - step)[1] for step in steps]) / (2 * STEP)
    return np.asarray(np.linalg.pinv((hessian + hessian.T) / 2) / rows, dtype=np.float64)
