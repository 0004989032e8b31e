"""The declaration of a task: what a kind of model learns, how it is evaluated, and which columns a score has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from quanyu.errors import nearest
from quanyu.grammar.table import Column

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from quanyu.grammar.model_spec import Label, ModelSpec
    from quanyu.sentences import Sentence

    Floats = NDArray[np.float64]


# Types of columns that are numbers for a learner begin so.
NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean")

# Figures of the test period that gates of every model may name: rows; how far the distribution of the score, that of
# the feature that moved most, and those of features by what the model needs them, lie from training (PSI); seconds of
# one core to score 1,000,000 entities with known features.
OF_EVERY_TASK = ("test_rows", "score_drift", "feature_drift", "main_feature_drift", "scoring_seconds")
DECILE = {
    "decile": Column("int", "Tenth of those scored on the day; 1 has the highest.", unit="tenths", at_least=1,
                     at_most=10),
}  # fmt: skip
REASONS = {
    "reasons": Column("array<string>", "What moves the score most, up or down: measure, value and the usual value."),
}


@dataclass(frozen=True)
class Examples:
    """What a model learns from, a row for each entity and cutoff.

    `matrix` has shape (rows, features), with nan for null; `labels`, `keys`, the entities' keys, and `cutoffs`, days
    of type datetime64, have shape (rows,). Of a model of campaigns `draws` say which `campaign` drew the row into which
    `arm`, with which `probability` and `chances` of all arms, and how many `arms` it has.
    """

    matrix: Floats
    labels: Floats
    keys: pd.Series[Any]
    cutoffs: pd.Series[Any]
    draws: pd.DataFrame | None = None

    def where(self, chosen: NDArray[np.bool_]) -> Examples:
        """The rows that are chosen, by an array of shape (rows,)."""
        draws = None if self.draws is None else self.draws[chosen]
        return Examples(self.matrix[chosen], self.labels[chosen], self.keys[chosen], self.cutoffs[chosen], draws)

    def newest(self) -> Examples:
        """The row of the newest cutoff of each entity."""
        newest = self.cutoffs.groupby(self.keys).transform("max") == self.cutoffs
        return self.where(newest.to_numpy())


def unlisted(spec: type[ModelSpec], key: str, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Mistakes of a model whose task reads features that the model does not list, each with the key."""
    missing = [name for name in names if name not in spec.features]
    return [(key, f"{name!r} is none of the features; {nearest(name, spec.features)}") for name in missing]


class Predictor(Protocol):
    """A trained learner."""

    @property
    def serving(self) -> Path:
        """Python file by which MLflow predicts with the saved files, without our packages."""

    @property
    def requirements(self) -> tuple[str, ...]:
        """Packages that this file imports."""

    def predict(self, matrix: Floats) -> Floats:
        """Return predictions for features of shape (rows, features): shape (rows,), or (rows, columns of the task)."""

    def save(self, folder: Path) -> dict[str, str]:
        """Write it without pickles, and return the files by role."""


@dataclass(frozen=True)
class Task:
    """What a kind of model learns, how it is evaluated, and which columns a score has.

    Subclasses are frozen dataclasses. A model names one with its settings, as `task = BinaryClassification()`.
    """

    name: ClassVar[str]
    """The class's name in small letters."""
    labels: ClassVar[tuple[type[Label], ...]] = ()
    """Kinds of labels that it learns; any if empty."""
    estimators: ClassVar[tuple[str, ...]] = ("xgboost",)
    """Learners that a model may choose as `Estimator.kind`."""
    columns: ClassVar[Mapping[str, Column]] = {}
    """Columns of a score, in the order of the predictions. Rules name them as `model.column`."""
    derived: ClassVar[Mapping[str, Column]] = {}
    """Further columns of a score, which follow from the predictions of all: those of `DECILE` and `REASONS`."""
    metrics: ClassVar[tuple[str, ...]] = ()
    """Figures of the test period that gates may name, besides those of every task."""
    meanings: ClassVar[Mapping[str, str]] = {}
    """What it says of a model when a gate on a metric fails, for a reader of the record."""
    headings: ClassVar[Mapping[str, str]] = {}
    """Metrics that the summary of a run shows, each with its heading."""
    compared_with: ClassVar[str] = ""
    """Whose figures those that begin with `baseline_` are, where the model names no baseline."""
    beside: ClassVar[Mapping[str, str]] = {}
    """Metrics of this plain rule that have another name than `baseline_METRIC`, by the metric that they belong to."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def flags(self) -> Mapping[str, float]:
        """Truth columns of a score: each says whether the first column is above a number."""
        return {}

    def score_columns(self) -> Mapping[str, Column]:
        """All columns of a score: those predicted, those that follow from them, and flags."""
        about = "Whether the prediction is above the bound that the model names."
        return {**self.columns, **self.derived, **{name: Column("boolean", about) for name in self.flags()}}

    def problems(self, spec: type[ModelSpec]) -> list[tuple[str, str]]:
        """Mistakes of a model in what concerns its task, each with its key. The model has a label."""
        choices = [("estimator.kind", spec.estimator.kind, self.estimators)]
        choices += [("gates", gate.metric, (*OF_EVERY_TASK, *self.metrics)) for gate in spec.gates]
        mistakes = [
            (key, f"{name!r} is not known; {nearest(name, allowed)}")
            for key, name, allowed in choices
            if name not in allowed
        ]
        if self.labels and not isinstance(spec.label, self.labels):
            kinds = ", ".join(kind.__name__ for kind in self.labels)
            mistakes.append(("label", f"{type(self).__name__} learns a label of the kind {kinds}"))
        return mistakes

    def comparable(self, draws: pd.DataFrame) -> tuple[NDArray[np.bool_], tuple[Sentence, ...]]:
        """Which draws of campaigns it can learn from and be tested on, shape (rows,), and notes on the others.

        `draws` have `campaign`, `arm`, `probability`, `chances`, those of all arms, and `arms`, their number.
        """
        import numpy as np

        return np.ones(len(draws), dtype=bool), ()

    def shortage(self, labels: Floats) -> str:
        """Why labels, of shape (rows,), are not enough to learn from; empty if they are."""
        return ""

    def facts(self, spec: type[ModelSpec], training: pd.DataFrame) -> dict[str, float]:
        """Figures of the rows that a model learned from, for its record and its evaluation: features and `label`."""
        return {"mean_label": float(training["label"].mean())}

    def fit(self, spec: type[ModelSpec], examples: Examples, nthread: int, seed: int) -> Predictor:
        """Train. The result depends on nothing but the model, the examples and the seed."""
        raise NotImplementedError

    def learned(self, predictor: Any) -> dict[str, Any]:
        """What a learner found out of its examples, as plain values for its record and for its evaluation."""
        return {}

    def evaluate(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, facts: Mapping[str, Any]
    ) -> dict[str, float]:
        """Compute the metrics from predictions and the test period: one row per entity, with features and `label`.

        `facts` are those of its examples, and what `learned` gives. A metric that cannot be computed is nan.
        """
        raise NotImplementedError

    def realised(self, spec: type[ModelSpec], rows: pd.DataFrame) -> Mapping[str, float]:
        """Figures of scores whose outcome is known now; none if the task has none. One that is nan is left out.

        `rows` have the entity's key, the task's columns and `label`; of a model of campaigns also `campaign`, `arm` and
        `probability`, that of the arm that the row got.
        """
        return {}

    def loss(self, predictions: Floats, labels: Floats) -> float:
        """What a search of parameters makes small. Both have shape (rows,)."""
        raise NotImplementedError

    def errors(self, predictions: Floats, labels: Floats) -> Floats:
        """How far each row was foretold wrong, shape (rows,): by its first column; nan for rows that are not judged."""
        errors: Floats = abs(predictions.reshape(len(labels), -1)[:, 0] - labels)
        return errors

    def compare(
        self, spec: type[ModelSpec], predictions: Floats, champion: Floats, test: pd.DataFrame
    ) -> dict[str, float]:
        """How much better predictions are than the champion's of the same rows, with bounds of paired resamples.

        A model fails where `over_champion_high`, or another figure that ends so, is below 0: it is surely worse. A task
        that does not define it is compared by `errors`.
        """
        return {}

    def leaks(
        self, spec: type[ModelSpec], examples: Examples, test: pd.DataFrame, nthread: int, seed: int
    ) -> tuple[str, ...]:
        """Sentences on signs that the features know the outcome. Each keeps a model from becoming champion.

        One of `quanyu.sentences` is said in Chinese too, on the card of the version.
        """
        return ()

    def training_metrics(
        self, spec: type[ModelSpec], examples: Examples, predictions: Floats, nthread: int, seed: int
    ) -> dict[str, float]:
        """Figures of the rows that it learned from, and by a random split of them: they flatter, and warn at most."""
        return {}

    def tables(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, facts: Mapping[str, Any]
    ) -> dict[str, pd.DataFrame]:
        """Figures of the test period in rows, by name, for the record and the card; without any row of an entity."""
        return {}

    def references(self, spec: type[ModelSpec], test: pd.DataFrame) -> Mapping[str, Floats]:
        """What plain rules say of the test rows, each of shape (rows,), so that a reviewer computes their figures."""
        return {}

    def verdict(self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame) -> str:
        """What the test period says on the use of the scores, in a sentence or two; empty if the task has no word.

        One of `quanyu.sentences` is said in Chinese too, on the card of the version.
        """
        return ""

    def plots(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, metrics: Mapping[str, float], title: str
    ) -> dict[str, Any]:
        """Figures of matplotlib by name, for the record of a version."""
        return {}
