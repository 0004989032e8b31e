"""Scores of every day: each model's champion over its population, with decile and reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.lifecycle.champions.meaning import meaning
from ml.lifecycle.frames import dataset
from ml.lifecycle.registry import Champion, Registry
from ml.lifecycle.scoring.reasons import reasons
from ml.lifecycle.train import too_large
from quanyu.discover import Catalogue
from quanyu.errors import KeeperError, QuanyuError, RetryableError
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.table import Table
from quanyu.lake import WriteCounts
from quanyu.lake.receipt import Receipt
from quanyu.run import audience_days
from quanyu.run.faults import explain_error
from quanyu.run.runner import Context, Outcome

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

TENTHS = 10


@dataclass(frozen=True)
class Unscored:
    """Why a model scores nobody today, and whether that is a fault rather than a champion that is not there."""

    words: str
    failed: bool = False


@dataclass(frozen=True)
class ScoredRows:
    """Scores of a model, and a sentence on those who have none; empty where all have."""

    rows: pa.Table
    left_out: str


def table_of(spec: type[ModelSpec], catalogue: Catalogue) -> type[Table]:
    """The table of a model's scores."""
    return catalogue.tables[f"scores_{spec.entity.name}"]


def champions(context: Context) -> dict[str, Any]:
    """The version that scores, by model. One that failed counts as changed in every run, so that it is tried again."""
    registry, models = Registry.of(context.settings), context.catalogue.models
    versions = {name: champion.version if (champion := registry.champion(name)) else None for name in models}
    faults = {name: context.run_id for name in models if audience_days.scoring_fault(context, name)}
    return {name: [version, faults.get(name)] for name, version in versions.items()}


def score_all(context: Context, receipt: Receipt) -> Outcome:
    """Write each model's scores of the day with its champion. A model that cannot score does not stop the others."""
    parts: dict[type[Table], list[pa.Table]] = {}
    unscored: dict[str, Unscored] = {}
    left_out: list[str] = []
    for spec in context.catalogue.models.values():
        scored = _attempt(context, spec)
        rows = parts.setdefault(table_of(spec, context.catalogue), [])
        if isinstance(scored, Unscored):
            unscored[spec.name] = scored
        else:
            rows.append(scored.rows)
            left_out += [f"{spec.name}: {scored.left_out}"] if scored.left_out else []
    written = [_written(context, receipt, table, rows) for table, rows in parts.items()]
    for name, spec in context.catalogue.models.items():
        _record(context, spec, unscored.get(name))
    return Outcome(
        rows_in=sum(len(part) for rows in parts.values() for part in rows),
        rows_out=sum(counts.changed for counts in written), unchanged=sum(counts.unchanged for counts in written),
        notes=(*_notes(unscored), *left_out),
        alerts={f"scores of {name}": f"{name}: {why.words}" for name, why in unscored.items() if why.failed},
    )  # fmt: skip


def _notes(unscored: Mapping[str, Unscored]) -> tuple[str, ...]:
    """A sentence for each reason, with the models that are not scored for it."""
    reasons: dict[str, list[str]] = {}
    for name, why in unscored.items():
        reasons.setdefault(why.words, []).append(name)
    return tuple(f"{', '.join(names)}: {words}" for words, names in reasons.items())


def _attempt(context: Context, spec: type[ModelSpec]) -> ScoredRows | Unscored:
    """Scores of a model, or why there are none."""
    champion = Registry.of(context.settings).champion(spec.name)
    if champion is None:
        return Unscored("no champion yet, so nothing is scored")
    if champion.meaning != meaning(context.catalogue, spec):
        return Unscored(
            f"it is declared otherwise than its champion, version {champion.version} of {champion.trained_on}, was:"
            f" no scores until a new version passes its gates (quanyu job train.{spec.name} --force trains one now)"
        )
    try:
        rows = dataset.stored(context, spec)
        scores = scored(champion, spec, rows, labels_of(context.catalogue, spec))
        return ScoredRows(scores, _left_out(spec, rows, champion.features, len(rows) - len(scores)))
    except Exception as error:
        fault = error if isinstance(error, QuanyuError) else explain_error(error)
        # The machine and the keeper fail all models.
        if isinstance(fault, RetryableError | KeeperError):
            raise
        return Unscored(f"not scored by version {champion.version}: {fault}", failed=True)


def _left_out(spec: type[ModelSpec], rows: pd.DataFrame, features: tuple[str, ...], number: int) -> str:
    """Say how many of the rows have no score, and which features are too large; empty where all have one."""
    if not number:
        return ""
    names = ", ".join(feature for feature in features if too_large(rows[feature].to_numpy("float64")).any())
    why = f"a value of {names} is infinite or too large" if names else "their past is not known, or not possible"
    return f"{number:,} of {len(rows):,} {spec.entity.plural(2)} have no score: {why}"


def labels_of(catalogue: Catalogue, spec: type[ModelSpec]) -> dict[str, str]:
    """What each feature of a model measures, in words: its Chinese name where it has one, and its sentence."""
    names = catalogue.names(spec.entity)
    chinese = {f"{view.name}.{name}": feature.zh for view in catalogue.views.values()
               for name, feature in view.features.items()}  # fmt: skip
    chinese |= {name: tag.zh for name, tag in catalogue.tags_of(spec.entity).items()}
    about = {name: names[name].about.rstrip(".") if name in names else name for name in spec.features}
    return {name: " ".join(filter(None, (chinese.get(name), words))) for name, words in about.items()}


def scored(champion: Champion, spec: type[ModelSpec], rows: pd.DataFrame, labels: Mapping[str, str]) -> pa.Table:
    """Score a population, a row for each entity: its key, model, version, and the columns of the task.

    Who has a value that no learner can take, or a past of which nothing can be foretold, has no row.
    """
    import numpy as np
    import pyarrow as pa

    huge = too_large(rows[list(champion.features)].to_numpy("float64"))
    rows = rows.iloc[np.flatnonzero(~huge.any(axis=1))]
    predictions = champion.predict(rows, list(spec.task.columns)) if len(rows) else rows.reindex(columns=[])
    if len(rows):
        foretold = predictions.iloc[:, 0].notna()
        rows, predictions = rows.loc[foretold], predictions.loc[foretold]
    columns: dict[str, Any] = {
        spec.entity.key: pa.array(rows[spec.entity.key], pa.string()),
        "model": pa.repeat(spec.name, len(rows)), "version": pa.repeat(str(champion.version), len(rows)),
        **{str(name): pa.array(predictions[name]) for name in predictions},
    }  # fmt: skip
    for name, bound in spec.task.flags().items() if len(rows) else ():
        columns[name] = pa.array(predictions[next(iter(spec.task.columns))].to_numpy() > bound)
    if "decile" in spec.task.derived and len(rows):
        columns["decile"] = pa.array(deciles(predictions[next(iter(spec.task.columns))].to_numpy()))
    if "reasons" in spec.task.derived and len(rows):
        parts = champion.explain(rows[list(champion.features)].astype("float64"))
        columns["reasons"] = None if parts is None else reasons(rows, champion.features, parts, labels)
    return pa.table({name: values for name, values in columns.items() if values is not None})


def deciles(scores: NDArray[np.float64]) -> NDArray[np.int32]:
    """Tenth of the rows by score, shape (rows,): 1 is the highest. Equal scores are in one tenth."""
    import numpy as np
    from scipy.stats import rankdata

    ranks = rankdata(-scores, method="min").astype(np.int64) - 1
    tenths: NDArray[np.int32] = (ranks * TENTHS // max(len(scores), 1) + 1).astype(np.int32)
    return tenths


def _record(context: Context, spec: type[ModelSpec], why: Unscored | None) -> None:
    """Note for audiences that a model has no scores of the day though it had some before."""
    missed = why is not None and _has_scored(context, spec)
    words = why.words if why and (missed or why.failed) else ""
    audience_days.record_scoring(context, spec.name, words, bool(why and why.failed))


def _has_scored(context: Context, spec: type[ModelSpec]) -> bool:
    import pyarrow.compute as pc

    place = f"gold/scores_{spec.entity.name}"
    return context.lake.exists(place) and context.lake.arrow(place).count_rows(pc.field("model") == spec.name) > 0


def _written(context: Context, receipt: Receipt, table: type[Table], parts: list[pa.Table]) -> WriteCounts:
    """Set the scores of the day. Columns that the task of a model lacks are null."""
    lake, columns = context.lake, {name: column.type for name, column in table.columns.items() if name != "as_of"}
    day = f"date'{context.day}'"
    scores = lake.staging.stage_columns(lake.spark, parts, columns).rows.selectExpr("*", f"{day} as as_of")
    return lake.sync(table, scores, receipt, part=f"as_of = {day}")
