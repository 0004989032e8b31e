"""How a recorded model predicts. MLflow stores a copy of this file with each model and runs it without our packages."""

# No postponed annotations: MLflow reads those of `predict`, and warns of any that it cannot resolve.
import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

BOOSTER, CALIBRATION, FORMULAS = "booster", "calibration", "formulas"


def calibrated(raw: Any, calibration: dict[str, Any]) -> Any:
    """Turn a booster's scores (float array, shape (rows,)) into probabilities, by interpolation or a logistic curve.

    Without a kind of calibration they stay as they are.
    """
    import numpy as np

    scores = np.asarray(raw, dtype=np.float64)
    if "kind" not in calibration:
        return scores
    if calibration["kind"] == "isotonic":
        return np.interp(scores, calibration["x"], calibration["y"])
    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    slope, intercept = calibration["slope"], calibration["intercept"]
    return 1 / (1 + np.exp(-(slope * np.log(clipped / (1 - clipped)) + intercept)))


def widened(matrix: Any, history: dict[str, Any], none: Callable[..., Any]) -> Any:
    """Features as a booster takes them, shape (rows, features): with BG/NBD's probability of no purchase at the end.

    `history` names the places of the features that tell the past, of those that the booster takes itself, and the
    fitted rates; without it all features stay as they are. `none` is `probability_of_none` of the formulas.
    """
    import numpy as np

    if not history:
        return matrix
    days, first, last = (matrix[:, place] for place in history["past"])
    chances = none(
        history["rates"], history["horizon"], np.maximum(days - 1, 0.0), np.maximum(first - last, 0.0), first
    )
    known = np.isfinite(days) & np.isfinite(first) & np.isfinite(last)
    return np.column_stack([matrix[:, history["own"]], np.where(known, chances, np.nan)])


def not_fitted(*past: Any) -> Any:
    """Stand in for the formula of a model without BG/NBD, which never asks for it."""
    raise ValueError("this model has no BG/NBD")


def attributed(parts: Any, history: dict[str, Any], features: int) -> Any:
    """What each feature adds to the margins, shape (rows, features + 1), of what each column of a booster adds.

    What BG/NBD's probability adds counts for the days since the last purchase, with which alone it changes while a
    customer buys nothing.
    """
    import numpy as np

    if not history:
        return parts
    by_feature = np.zeros((len(parts), features + 1), dtype=parts.dtype)
    by_feature[:, history["own"]] = parts[:, :-2]
    by_feature[:, history["past"][2]] += parts[:, -2]
    by_feature[:, -1] = parts[:, -1]
    return by_feature


def _serve() -> None:
    import numpy as np
    import pandas as pd
    import xgboost
    from mlflow.models import set_model
    from mlflow.pyfunc import PythonModel

    class Served(PythonModel):  # type: ignore[misc]
        """The booster and its calibration, read from JSON."""

        def load_context(self, context: Any) -> None:
            """Read both files once."""
            self.booster = xgboost.Booster(model_file=context.artifacts[BOOSTER])
            self.calibration = json.loads(Path(context.artifacts[CALIBRATION]).read_text(encoding="utf-8"))
            self.history = self.calibration.get("history", {})
            formulas = runpy.run_path(context.artifacts[FORMULAS]) if self.history else {}
            self.none = formulas.get("probability_of_none", not_fitted)

        def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
            """Return one number per row."""
            answers: np.ndarray = calibrated(self.booster.predict(self._matrix(model_input)), self.calibration)
            return answers

        def contributions(self, model_input: pd.DataFrame) -> np.ndarray:
            """Return what each feature adds to the margin of each row: float32, shape (rows, features + 1).

            The last column is what all rows begin with. A row adds up to its margin, before calibration.
            """
            columns = self.booster.predict(self._matrix(model_input), pred_contribs=True)
            parts: np.ndarray = attributed(columns, self.history, len(self.calibration["features"]))
            return parts

        def _matrix(self, model_input: pd.DataFrame) -> xgboost.DMatrix:
            features = model_input[self.calibration["features"]].astype("float64").to_numpy()
            return xgboost.DMatrix(widened(features, self.history, self.none))

    set_model(Served())


if __name__ != "ml.lifecycle.serving.served":
    _serve()
