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
            matrix = model_input[self.calibration["features"]].astype("float64").to_numpy()
            scores = self.booster.predict(xgboost.DMatrix(matrix, nthread=1))
            answers: np.ndarray = calibrated(scores, self.calibration)
            return answers

    set_model(Served())


if __name__ != "ml.lifecycle.served":
    _serve()
