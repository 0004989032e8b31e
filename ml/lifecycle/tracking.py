"""What a version says of itself in MLflow: declaration, data, metrics, plots and the model."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from math import isnan
from pathlib import Path
from typing import Any

from ml.evaluation.card import cards
from ml.evaluation.curves import importance_plot
from ml.lifecycle.evaluate import Evaluation
from ml.lifecycle.train import Trained
from quanyu.grammar.declaration import digest
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.offers.assignments import OF_ASSIGNMENT
from quanyu.sentences import Sentence

# The command, in place of the path that it has on this machine.
SOURCE = {"mlflow.source.name": "quanyu"}
# Plots of equal content have equal bytes.
PLAIN = {"metadata": {"Software": None}}


@dataclass(frozen=True)
class Dataset:
    """The data that a model was trained and evaluated on, described without any of its rows."""

    day: date
    tables: Mapping[str, int]
    test_cutoff: date
    training_cutoffs: tuple[date, ...]
    notes: tuple[Sentence, ...] = ()
    """What a reader must know of its rows, such as identities that are of today and not of the cutoff."""
    rows: Mapping[str, Any] = field(default_factory=dict)
    """Table of the rows, its version, and their number."""
    share: float = 1.0
    """Share of the entities that was drawn."""

    def facts(self) -> dict[str, Any]:
        """Return the description as plain values."""
        return {
            "day": str(self.day),
            "tables": dict(sorted(self.tables.items())),
            "test_cutoff": str(self.test_cutoff),
            "training_cutoffs": [str(cutoff) for cutoff in self.training_cutoffs],
            "notes": list(self.notes),
            "training_set": dict(self.rows),
            "share": self.share,
        }


def log_facts(spec: type[ModelSpec], trained: Trained, evaluation: Evaluation, dataset: Dataset) -> None:
    """Log the declaration, the data, the metrics and the plots of a version to the active run."""
    import mlflow

    params = {**trained.facts["params"], "kind": spec.estimator.kind, "task": spec.task.name, **asdict(spec.task)}
    params |= {"population": spec.population, "horizon_days": spec.label.horizon_days, "definition": spec.digest()}
    mlflow.log_params(params | {"training_rows": trained.facts["rows"], "seed": trained.facts["seed"]})
    # MLflow's database rejects nan.
    mlflow.log_metrics({name: value for name, value in evaluation.metrics.items() if not isnan(value)})
    facts = dataset.facts() | {"training": trained.facts, "features": list(trained.features)}
    mlflow.log_dict(facts, "dataset.json")
    gates: dict[str, Any] = {
        "gates": [str(gate) for gate in evaluation.gates],
        "leaks": list(evaluation.leaks),
    }
    gates |= {"verdict": evaluation.verdict} if evaluation.verdict else {}
    mlflow.log_dict(gates, "gates.json")
    _log_dataset(spec.name, facts)
    for name, table in evaluation.tables.items():
        mlflow.log_text(table.to_csv(index=False), f"tables/{name}.csv")
    for name, text in cards(spec, trained, evaluation, dataset).items():
        mlflow.log_text(text, f"{name}.md")
    mlflow.log_text(scored_rows(spec, evaluation, mlflow.active_run().info.run_id), "tables/test_scores.csv")
    _log_plots(spec, evaluation, f"{spec.name} from {dataset.test_cutoff}, known on {dataset.day}")


def _log_plots(spec: type[ModelSpec], evaluation: Evaluation, title: str) -> None:
    import mlflow

    figures = spec.task.plots(spec, evaluation.scores, evaluation.test, evaluation.metrics, title)
    if "importance" in evaluation.tables:
        figures["importance"] = importance_plot(evaluation.tables["importance"], title)
    for name, figure in figures.items():
        mlflow.log_figure(figure, f"plots/{name}.png", save_kwargs=PLAIN)


def scored_rows(spec: type[ModelSpec], evaluation: Evaluation, run: str) -> str:
    """Predictions and outcomes of the test rows as CSV, so that a reviewer can compute every figure again.

    A row is named by a hash of its key and the run, which leads to nobody: it is sorted by it.
    """
    import pandas as pd

    test = evaluation.test
    names = test[spec.entity.key].astype(str)
    if spec.experiment:
        # A customer may be drawn by several campaigns.
        names = names + " " + test["campaign"].astype(str)
    keys = (hashlib.sha256(f"{run} {name}".encode()).hexdigest()[:16] for name in names)
    rows = pd.DataFrame(evaluation.scores.reshape(len(evaluation.test), -1), columns=list(spec.task.columns))
    rows.insert(0, "row", list(keys))
    rows["label"] = evaluation.test["label"].to_numpy("float64")
    if spec.baseline:
        rows["baseline"] = evaluation.test[spec.baseline.feature].to_numpy()
    for column in OF_ASSIGNMENT if spec.experiment else ():
        rows[column] = test[column].to_numpy()
    for column, values in spec.task.references(spec, test).items():
        rows[column] = values
    return str(rows.sort_values("row").to_csv(index=False))


def _log_dataset(name: str, facts: dict[str, Any]) -> None:
    import mlflow
    from mlflow.entities import Dataset as LoggedDataset
    from mlflow.entities import DatasetInput

    logged = LoggedDataset(
        name=f"{name} {facts['day']}",
        digest=digest(facts),
        source_type="delta",
        source=json.dumps(facts["tables"]),
        profile=json.dumps(facts["training"]),
    )
    mlflow.MlflowClient().log_inputs(mlflow.active_run().info.run_id, [DatasetInput(logged)])


def log_model(spec: type[ModelSpec], trained: Trained) -> Any:
    """Log the model to the active run, with signature, example and requirements. Returns what MLflow says of it."""
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    # Synthetic: a row of the training data would be personal data.
    example = pd.DataFrame([dict.fromkeys(trained.features, 0.0), dict.fromkeys(trained.features, 1.0)])
    columns, predictor = list(spec.task.columns), trained.predictor
    # One column is answered as a plain array, whose values have no name.
    outputs = [ColSpec("double", name) for name in columns] if len(columns) > 1 else [ColSpec("double")]
    features = [ColSpec("double", feature, required=False) for feature in trained.features]
    with tempfile.TemporaryDirectory() as folder:
        logged = mlflow.pyfunc.log_model(
            name=spec.name,
            python_model=str(predictor.serving),
            artifacts=predictor.save(Path(folder)),
            signature=ModelSignature(inputs=Schema(features), outputs=Schema(outputs)),
            input_example=example,
            pip_requirements=[f"{package}=={version(package)}" for package in predictor.requirements],
            tags=SOURCE,
        )
        _forget_places(logged, Path(folder))
        return logged


def _forget_places(logged: Any, folder: Path) -> None:
    """Name the files of a logged model by their places in it: MLflow notes where on this machine they came from."""
    import mlflow
    from mlflow.models import Model

    model = Model.load(logged.model_uri)
    function = model.flavors["python_function"]
    function["model_code_path"] = Path(function["model_code_path"]).name
    for file in function["artifacts"].values():
        file["uri"] = file["path"]
    model.save(str(folder / "MLmodel"))
    mlflow.MlflowClient().log_model_artifact(logged.model_id, str(folder / "MLmodel"))
