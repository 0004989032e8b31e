"""Steps of models: train when due, and score with the champion every day."""

from __future__ import annotations

from functools import partial
from typing import Any

from ml.lifecycle import dataset, match_models
from ml.lifecycle.facts import TrainingFacts
from ml.lifecycle.home_registry import registry
from quanyu import as_of
from quanyu.config.settings import Settings
from quanyu.discover import Catalogue
from quanyu.grammar.model_spec import ModelSpec
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context, Outcome, Step


def trainings(catalogue: Catalogue) -> list[Step]:
    """List the steps that record identity-resolution models and train every model."""
    return [match_models.step(), *(_training(spec, catalogue) for spec in catalogue.models.values())]


def scoring(catalogue: Catalogue) -> list[Step]:
    """List the step that scores with all champions, or none if there are no models."""
    if not catalogue.models:
        return []
    views = sorted({view for spec in catalogue.models.values() for view in dataset.views_of(spec)})
    return [Step(
        "scores", "score", tuple(f"gold/{view}" for view in views), ("gold/scores",),
        "|".join(_digests(catalogue)), score_all,
        "Scores every customer of each model's population with its champion.", as_of=True, inputs=_champions,
        remakes=("gold/scores",),
    )]  # fmt: skip


def _digests(catalogue: Catalogue) -> list[str]:
    return [spec.digest() for spec in catalogue.models.values()]


def _training(spec: type[ModelSpec], catalogue: Catalogue) -> Step:
    reads = [place for view in dataset.views_of(spec) for place in as_of.sources_of(catalogue.views[view].over)]
    return Step(
        f"train.{spec.name}", "train", tuple(sorted({*reads, as_of.IDENTITIES})), (), spec.digest(),
        partial(train, spec=spec),
        " ".join((spec.__doc__ or "").split()), as_of=True, inputs=partial(_due, spec=spec),
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
    return {"trained": context.store.memory.recall("trained", spec.name)}


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
    context.store.memory.remember("trained", spec.name, {"day": str(context.day), "version": recorded.version})
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

    opened, notes, frames = registry(context), [], []
    for spec in context.catalogue.models.values():
        champion = opened.champion(spec.name)
        if champion is None:
            notes.append(f"{spec.name}: no champion yet, so nothing is scored")
            continue
        rows = dataset.stored(context, spec)
        scores: Any = champion.predict(rows) if len(rows) else []
        frames.append(
            pd.DataFrame(
                {
                    "model": spec.name,
                    "customer_id": rows["customer_id"],
                    "score": scores,
                    "version": str(champion.version),
                }
            )
        )
    scored = pd.concat(frames) if frames else pd.DataFrame(columns=["model", "customer_id", "score", "version"])
    schema = "model string, customer_id string, score double, version string"
    frame = context.lake.spark.createDataFrame(scored.astype(object).values.tolist(), schema)
    table = context.catalogue.tables["scores"]
    scores_of_day = frame.selectExpr("*", f"date'{context.day}' as as_of")
    written = context.lake.sync(table, scores_of_day, receipt, part=f"as_of = date'{context.day}'")
    return Outcome(len(scored), written.changed, unchanged=written.unchanged, notes=tuple(notes))
