"""How a recorded model predicts. MLflow stores a copy of this file with each model and runs it without our packages."""

# No postponed annotations: MLflow reads those of `predict`, and warns of any that it cannot resolve.
import json
from pathlib import Path
from typing import Any

BOOSTER, CALIBRATION = "booster", "calibration"


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

        def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
            """Return one number per row."""
            answers: np.ndarray = calibrated(self.booster.predict(self._matrix(model_input)), self.calibration)
            return answers

        def contributions(self, model_input: pd.DataFrame) -> np.ndarray:
            """Return what each feature adds to the margin of each row: float32, shape (rows, features + 1).

            The last column is what all rows begin with. A row adds up to its margin, before calibration.
            """
            parts: np.ndarray = self.booster.predict(self._matrix(model_input), pred_contribs=True)
            return parts

        def _matrix(self, model_input: pd.DataFrame) -> xgboost.DMatrix:
            return xgboost.DMatrix(model_input[self.calibration["features"]].astype("float64").to_numpy())

    set_model(Served())


if __name__ != "ml.lifecycle.served":
    _serve()
