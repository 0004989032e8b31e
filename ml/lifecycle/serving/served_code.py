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
        """Calls the function of the file that the parameters name, and names the columns that it returns.

        A file whose scores have reasons also has `contributions(parameters, *features)`.
        """

        def load_context(self, context: Any) -> None:
            """Read both files once."""
            self.formulas = runpy.run_path(context.artifacts[CODE])
            self.parameters = json.loads(Path(context.artifacts[PARAMETERS]).read_text(encoding="utf-8"))

        def predict(
            self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
        ) -> pd.DataFrame:
            """Return the columns of a score for each row."""
            scores = self._asked(self.parameters["function"], model_input)
            return pd.DataFrame(scores, model_input.index, self.parameters["columns"])

        def contributions(self, model_input: pd.DataFrame) -> Any:
            """Return what each feature adds to the margin of each row: shape (rows, features + 1), its start last."""
            return self._asked("contributions", model_input)

        def _asked(self, function: str, model_input: pd.DataFrame) -> Any:
            matrix = model_input[self.parameters["features"]].astype("float64").to_numpy()
            return self.formulas[function](self.parameters, *matrix.T)

    set_model(ServedCode())


if __name__ != "ml.lifecycle.serving.served_code":
    _serve()
