"""What a learner of uplift foretells, from its parameters alone. MLflow stores this file with each model."""

# No import of our packages: it runs by itself.
from typing import Any

import numpy as np

COLUMNS = ("uplift", "response")
LEAST = 1e-6


def foretell(parameters: dict[str, Any], *features: Any) -> Any:
    """Return the uplift and the probability of the outcome when treated, shape (rows, 2); features are of (rows,)."""
    matrix, models = np.column_stack(features), parameters["models"]
    if parameters["learner"] == "s_learner":
        uplift = _probability(models["model"], _with(matrix, 1)) - _probability(models["model"], _with(matrix, 0))
    elif parameters["learner"] == "t_learner":
        uplift = _probability(models["treated"], matrix) - _probability(models["control"], matrix)
    else:
        uplift = 2 * _probability(models["model"], matrix) - 1
    return np.column_stack([uplift, _probability(models["response"], matrix)])


def contributions(parameters: dict[str, Any], *features: Any) -> Any:
    """Return what each feature adds to the margin: shape (rows, features + 1), the last what all rows begin with.

    The margin is that of the treated less that of the others; of class transformation that of its own class.
    """
    matrix, models = np.column_stack(features), parameters["models"]
    if parameters["learner"] == "t_learner":
        return _parts(models["treated"], matrix) - _parts(models["control"], matrix)
    if parameters["learner"] == "class_transformation":
        return _parts(models["model"], matrix)
    parts, many = _parts(models["model"], _with(matrix, 1)) - _parts(models["model"], _with(matrix, 0)), matrix.shape[1]
    # The features, the treatment, the products of both, and the beginning.
    own = parts[:, :many] + parts[:, many + 1 : -1]
    return np.column_stack([own, parts[:, many] + parts[:, -1]])


def _with(matrix: Any, treatment: float) -> Any:
    return np.column_stack([matrix, np.full(len(matrix), float(treatment)), matrix * treatment])


def _probability(model: dict[str, Any], matrix: Any) -> Any:
    if model["kind"] == "constant":
        return np.full(len(matrix), model["probability"])
    margin = _margin(model, matrix) if model["kind"] == "trees" else _parts(model, matrix).sum(axis=1)
    return 1 / (1 + np.exp(-margin))


def _margin(model: dict[str, Any], matrix: Any) -> Any:
    booster, rows = _trees(model, matrix)
    return booster.predict(rows, output_margin=True).astype(np.float64)


def _parts(model: dict[str, Any], matrix: Any) -> Any:
    """What each input adds to the margin of a model, shape (rows, inputs + 1), its beginning last."""
    if model["kind"] == "trees":
        booster, rows = _trees(model, matrix)
        return booster.predict(rows, pred_contribs=True).astype(np.float64)
    beginning = np.zeros((len(matrix), matrix.shape[1] + 1))
    if model["kind"] == "constant":
        share = min(max(model["probability"], LEAST), 1 - LEAST)
        beginning[:, -1] = np.log(share / (1 - share))
        return beginning
    unknown = np.isnan(matrix)
    filled = np.where(unknown, np.array(model["medians"]), matrix)
    inputs = np.column_stack([filled, unknown[:, model["flagged"]]])
    added = (inputs - np.array(model["means"])) / np.array(model["scales"]) * np.array(model["coefficients"])
    beginning[:, :-1] = added[:, : matrix.shape[1]]
    # That a value is unknown is told of its feature.
    beginning[:, model["flagged"]] += added[:, matrix.shape[1] :]
    beginning[:, -1] = model["intercept"]
    return beginning


def _trees(model: dict[str, Any], matrix: Any) -> Any:
    import xgboost

    booster = xgboost.Booster(model_file=bytearray(model["booster"], "utf-8"))
    return booster, xgboost.DMatrix(matrix)
