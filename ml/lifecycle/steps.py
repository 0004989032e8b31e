"""Steps of models: train when due, and score with the champion every day."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ml.lifecycle import dataset, match_models
from ml.lifecycle.facts import TrainingFacts
from ml.lifecycle.home_registry import registry
from quanyu import as_of
from quanyu.config.settings import Settings
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import digest
from quanyu.grammar.entity import Entity
from quanyu.grammar.model_spec import ModelSpec
from quanyu.lake import WriteCounts, place_of
from quanyu.lake.receipt import Receipt
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
    places = tuple(f"gold/{name}" for name in _score_tables(catalogue))
    return [Step(
        "scores", "score", tuple(sorted(reads)), places, digest([_declared(spec, catalogue) for spec in models]),
        score_all, "Scores every entity of each model's population with its champion.", as_of=True, inputs=_champions,
        rebuilds=places,
    )]  # fmt: skip


def _score_tables(catalogue: Catalogue) -> dict[str, type[Entity]]:
    """Tables of scores by name, each with its entity."""
    return {f"scores_{spec.entity.name}": spec.entity for spec in catalogue.models.values()}


def _declared(spec: type[ModelSpec], catalogue: Catalogue) -> str:
    """Hash of a model and of the tags that its features and population may name."""
    return digest([spec.digest(), catalogue.tag_digests(spec.entity)])


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
        from ml.lifecycle.registry import Registry

        Registry(settings.mlflow_url, settings.home / "mlruns").prepare()
        mark.touch()


def _due(context: Context, spec: type[ModelSpec]) -> dict[str, Any]:
    """The step's input besides tables: when the model was last trained. New facts alone do not make it run."""
    return {"trained": context.store.unchanged_runs.load("trained", spec.name)}


def train(context: Context, receipt: Receipt, spec: type[ModelSpec]) -> Outcome:
    """Train, evaluate and register a model if it has no champion or its weekly day has come; else say when it will."""
    opened = registry(context)
    champion, last = opened.champion(spec.name), opened.last_trained_on(spec.name)
    if champion is not None and not spec.due(context.day, last):
        return Outcome(notes=(f"{spec.name}: trained on {last}; next training {spec.trained_every_days} days later",))
    if last is not None and last >= context.day:
        return Outcome(notes=(f"{spec.name}: trained on {last} already; it did not pass its gates",))
    return _train(context, spec, opened)


def _train(context: Context, spec: type[ModelSpec], opened: Any) -> Outcome:
    from ml.lifecycle.evaluate import judge
    from ml.lifecycle.registry import Dataset
    from ml.lifecycle.train import TooLittleDataError
    from ml.lifecycle.train import train as fit

    test_cutoff = spec.test_cutoff(context.day)
    cutoffs = spec.training_cutoffs(context.day, dataset.first_day(context, spec))
    if not cutoffs:
        return Outcome(
            notes=(f"{spec.name}: not trained, the data begins too late for a training cutoff before {test_cutoff}",)
        )
    frame = dataset.labelled(context, spec, *cutoffs, test_cutoff)
    is_test = frame["cutoff"] == test_cutoff
    test, training = frame[is_test].reset_index(drop=True), frame[~is_test].reset_index(drop=True)
    try:
        trained = fit(spec, training, nthread=context.settings.spark.cores)
        judged = judge(spec, trained, test)
    except TooLittleDataError as error:
        return Outcome(notes=(f"{spec.name}: not trained: {error}",))
    tables = {place: context.lake.version(place) or 0 for place in context.step(f"train.{spec.name}").reads}
    recorded = opened.record(spec, trained, judged, Dataset(context.day, tables, test_cutoff, tuple(cutoffs)))
    context.store.unchanged_runs.save("trained", spec.name, {"day": str(context.day), "version": recorded.version})
    return _outcome(spec, judged, recorded, len(training), len(test), test_cutoff, cutoffs)


def _outcome(
    spec: type[ModelSpec], judged: Any, recorded: Any, trained: int, tested: int, test_cutoff: Any, cutoffs: Any
) -> Outcome:
    failed = [str(gate) for gate in judged.gates if not gate.passed]
    state = "champion" if recorded.champion else f"no champion, gates failed: {', '.join(failed)}"
    figures = {name: round(float(value), 4) for name, value in judged.metrics.items()}
    note = (
        f"{spec.name} version {recorded.version}: {state}; test cutoff {test_cutoff},"
        f" trained on {len(cutoffs)} cutoffs up to {cutoffs[0]}"
    )
    facts = TrainingFacts(spec.name, figures, recorded.champion)
    return Outcome(trained + tested, trained, notes=(note,), facts=facts)


def _champions(context: Context) -> dict[str, Any]:
    opened = registry(context) if context.catalogue.models else None
    versions = {}
    for name in context.catalogue.models:
        champion = opened.champion(name) if opened else None
        versions[name] = champion.version if champion else None
    return versions


def score_all(context: Context, receipt: Receipt) -> Outcome:
    """Write each model's scores of the day with its champion; a model without a champion is reported and skipped."""
    import pandas as pd

    opened, notes = registry(context), []
    frames: dict[str, list[pd.DataFrame]] = {name: [] for name in _score_tables(context.catalogue)}
    for spec in context.catalogue.models.values():
        champion = opened.champion(spec.name)
        if champion is None:
            notes.append(f"{spec.name}: no champion yet, so nothing is scored")
            continue
        rows = dataset.stored(context, spec)
        scores: Any = champion.predict(rows) if len(rows) else []
        columns = {"model": spec.name, spec.entity.key: rows[spec.entity.key], "score": scores}
        frames[f"scores_{spec.entity.name}"].append(pd.DataFrame({**columns, "version": str(champion.version)}))
    written = [_written(context, receipt, name, parts) for name, parts in frames.items()]
    return Outcome(
        rows_in=sum(len(part) for parts in frames.values() for part in parts),
        rows_out=sum(table.changed for table in written), unchanged=sum(table.unchanged for table in written),
        notes=tuple(notes),
    )  # fmt: skip


def _written(context: Context, receipt: Receipt, name: str, parts: Sequence[pd.DataFrame]) -> WriteCounts:
    table, key = context.catalogue.tables[name], _score_tables(context.catalogue)[name].key
    schema = f"model string, {key} string, score double, version string"
    values = [row for part in parts for row in part.astype(object).values.tolist()]
    scores_of_day = context.lake.spark.createDataFrame(values, schema).selectExpr("*", f"date'{context.day}' as as_of")
    return context.lake.sync(table, scores_of_day, receipt, part=f"as_of = date'{context.day}'")
