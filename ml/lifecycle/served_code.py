"""How a model predicts whose formulas are a Python file of its own: MLflow stores both, and runs them by themselves."""

# No postponed annotations: MLflow reads those of `predict`, and warns of any that it cannot resolve.
import json
import runpy
from pathlib import Path
from typing import Any

CODE, PARAMETERS = "code", "parameters"


def _serve() -> None:
    import pandas as pd
    from mlflow.models import set_model
    from mlflow.pyfunc import PythonModel

    class ServedCode(PythonModel):  # type: ignore[misc]
        """Calls the function of the file that the parameters name, and names the columns that it returns."""

        def load_context(self, context: Any) -> None:
            """Read both files once."""
            self.formulas = runpy.run_path(context.artifacts[CODE])
            self.parameters = json.loads(Path(context.artifacts[PARAMETERS]).read_text(encoding="utf-8"))

        def predict(
            self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
        ) -> pd.DataFrame:
            """Return the columns of a score for each row."""
            matrix = model_input[self.parameters["features"]].astype("float64").to_numpy()
            scores = self.formulas[self.parameters["function"]](self.parameters, *matrix.T)
            return pd.DataFrame(scores, model_input.index, self.parameters["columns"])

    set_model(ServedCode())


if __name__ != "ml.lifecycle.served_code":
    _serve()
