"""Steps of models: train when due, and score with the champion every day."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ml.lifecycle import dataset, match_models
from ml.lifecycle.evaluate import Evaluation, evaluate
from ml.lifecycle.facts import TrainingFacts
from ml.lifecycle.registry import Champion, RegisteredVersion, Registry
from ml.lifecycle.tracking import Dataset
from ml.lifecycle.train import TooLittleDataError
from ml.lifecycle.train import train as fit
from quanyu.config.settings import Settings
from quanyu.discover import Catalogue
from quanyu.fingerprint import fingerprint
from quanyu.grammar.declaration import digest
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.names import inputs_of
from quanyu.grammar.table import Table
from quanyu.lake import WriteCounts, place_of
from quanyu.lake.receipt import Receipt
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    import pandas as pd


def trainings(catalogue: Catalogue) -> list[Step]:
    """List the steps that record identity-resolution models and train every model."""
    return [match_models.step(), *(_training(spec, catalogue) for spec in catalogue.models.values())]


def scoring(catalogue: Catalogue) -> list[Step]:
    """List the step that scores with all champions, or none if there are no models."""
    models = catalogue.models.values()
    if not models:
        return []
    reads = {f"gold/{view}" for spec in models for view in dataset.views_of(catalogue, spec)}
    reads |= {place_of(spec.entity.table) for spec in models}
    places = tuple(dict.fromkeys(place_of(_scores(spec, catalogue)) for spec in models))
    return [Step(
        "scores", "score", tuple(sorted(reads)), places, digest([_declared(spec, catalogue) for spec in models]),
        score_all, "Scores every entity of each model's population with its champion.", as_of=True, inputs=_champions,
        rebuilds=places,
    )]  # fmt: skip


def _scores(spec: type[ModelSpec], catalogue: Catalogue) -> type[Table]:
    """The table of a model's scores."""
    return catalogue.tables[f"scores_{spec.entity.name}"]


def _declared(spec: type[ModelSpec], catalogue: Catalogue) -> str:
    """Hash of a model, of the code of its task, and of the tags that it learns from and names."""
    code = fingerprint(type(spec.task).__module__, type(spec.label).__module__)
    return digest([spec.digest(), code, catalogue.tags_behind(spec.entity, inputs_of(spec))])


def _training(spec: type[ModelSpec], catalogue: Catalogue) -> Step:
    views = [catalogue.views[name] for name in dataset.views_of(catalogue, spec)]
    reads = {place for view in views for place in as_of.sources_of(view.over)} | {*as_of.entity_sources(spec.entity)}
    return Step(
        f"train.{spec.name}", "train", tuple(sorted(reads)), (), _declared(spec, catalogue),
        partial(train, spec=spec),
        " ".join((spec.__doc__ or "").split()), as_of=True, inputs=partial(_due, spec=spec),
        declares={f"model {spec.name}": spec.digest()},
    )  # fmt: skip


def prepare(settings: Settings) -> None:
    """Create the registry's database, once per home and version; two processes at a time would corrupt it."""
    from importlib.metadata import version

    mark = settings.home / f"mlflow-{version('mlflow')}.ready"
    if not mark.exists():
        Registry.of(settings).prepare()
        mark.touch()


def _due(context: Context, spec: type[ModelSpec]) -> dict[str, Any]:
    """The step's input besides tables: when the model was last trained. New facts alone do not make it run."""
    return {"trained": context.store.unchanged_runs.load("trained", spec.name)}


def train(context: Context, receipt: Receipt, spec: type[ModelSpec]) -> Outcome:
    """Train, evaluate and register a model if it has no champion or its weekly day has come; else say when it will."""
    registry = Registry.of(context.settings)
    champion, last = registry.champion(spec.name), registry.last_trained_on(spec.name)
    if champion is not None and not spec.due(context.day, last):
        return Outcome(notes=(f"{spec.name}: trained on {last}; next training {spec.trained_every_days} days later",))
    if last is not None and last >= context.day:
        return Outcome(notes=(f"{spec.name}: trained on {last} already; it did not pass its gates",))
    return _train(context, spec, registry, champion)


def _train(context: Context, spec: type[ModelSpec], registry: Registry, champion: Champion | None) -> Outcome:
    test_cutoff = spec.test_cutoff(context.day)
    cutoffs = spec.training_cutoffs(context.day, dataset.first_day(context, spec))
    if not cutoffs:
        return Outcome(
            notes=(f"{spec.name}: not trained, the data begins too late for a training cutoff before {test_cutoff}",)
        )
    labelled = dataset.labelled(context, spec, *cutoffs, test_cutoff)
    frame = labelled.rows
    is_test = frame["cutoff"] == test_cutoff
    test, training = frame[is_test].reset_index(drop=True), frame[~is_test].reset_index(drop=True)
    try:
        trained = fit(spec, training, nthread=context.settings.spark.cores)
        champion_scores = champion.ask(test[list(champion.features)].astype("float64")) if champion else None
        evaluation = evaluate(spec, trained, test, champion_scores, training, context.settings.spark.cores)
    except TooLittleDataError as error:
        return Outcome(notes=(f"{spec.name}: not trained: {error}",))
    tables = {place: context.lake.version(place) or 0 for place in context.step(f"train.{spec.name}").reads}
    data = Dataset(context.day, tables, test_cutoff, tuple(cutoffs), labelled.notes)
    recorded = registry.record(spec, trained, evaluation, data)
    context.store.unchanged_runs.save("trained", spec.name, {"day": str(context.day), "version": recorded.version})
    trained_on = f"trained on {len(cutoffs)} cutoffs up to {cutoffs[0]}"
    note = f"{_ending(recorded, evaluation)}; test cutoff {test_cutoff}, {trained_on}"
    return Outcome(len(frame), len(training), notes=(note,), facts=_facts(spec, evaluation, recorded))


def _ending(recorded: RegisteredVersion, evaluation: Evaluation) -> str:
    state = "champion" if recorded.champion else f"no champion, gates failed: {', '.join(evaluation.reasons)}"
    return f"{recorded.name} version {recorded.version}: {state}"


def _facts(spec: type[ModelSpec], evaluation: Evaluation, recorded: RegisteredVersion) -> TrainingFacts:
    metrics = {name: round(float(value), 4) for name, value in evaluation.metrics.items()}
    return TrainingFacts(spec.name, metrics, recorded.champion, spec.task.headings)


def _champions(context: Context) -> dict[str, Any]:
    registry = Registry.of(context.settings)
    champions = {name: registry.champion(name) for name in context.catalogue.models}
    return {name: champion.version if champion else None for name, champion in champions.items()}


def score_all(context: Context, receipt: Receipt) -> Outcome:
    """Write each model's scores of the day with its champion; a model without a champion is reported and skipped."""
    registry, notes = Registry.of(context.settings), []
    frames: dict[type[Table], list[pd.DataFrame]] = {}
    for spec in context.catalogue.models.values():
        parts = frames.setdefault(_scores(spec, context.catalogue), [])
        champion = registry.champion(spec.name)
        if champion is None:
            notes.append(f"{spec.name}: no champion yet, so nothing is scored")
            continue
        rows = dataset.stored(context, spec)
        if len(rows):
            scores = champion.predict(rows, list(spec.task.columns))
            scores[spec.entity.key] = rows[spec.entity.key]
            parts.append(scores.assign(model=spec.name, version=str(champion.version)))
    written = [_written(context, receipt, table, parts) for table, parts in frames.items()]
    return Outcome(
        rows_in=sum(len(part) for parts in frames.values() for part in parts),
        rows_out=sum(table.changed for table in written), unchanged=sum(table.unchanged for table in written),
        notes=tuple(notes),
    )  # fmt: skip


def _written(context: Context, receipt: Receipt, table: type[Table], parts: Sequence[pd.DataFrame]) -> WriteCounts:
    """Set the scores of the day. Columns that the task of a model lacks are null."""
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql.pandas.types import to_arrow_schema

    lake, day = context.lake, f"date'{context.day}'"
    columns = {name: column.type for name, column in table.columns.items() if name != "as_of"}
    schema = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    frame = pd.concat(part.astype(object) for part in parts) if parts else pd.DataFrame(dtype=object)
    arrow_schema = to_arrow_schema(lake.spark.createDataFrame([], schema).schema)
    rows = pa.Table.from_pandas(frame.reindex(columns=list(columns)), arrow_schema, preserve_index=False)
    scores = lake.staging.stage_arrow(lake.spark, rows, schema).rows.selectExpr("*", f"{day} as as_of")
    return lake.sync(table, scores, receipt, part=f"as_of = {day}")
