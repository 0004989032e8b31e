"""Steps of models: train when due, and score with the champion every day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

from ml.lifecycle import match_models
from ml.lifecycle.champions.meaning import meaning
from ml.lifecycle.evaluate import Evaluation
from ml.lifecycle.facts import TrainingFacts
from ml.lifecycle.frames import dataset, training_set
from ml.lifecycle.learning import learn, periods
from ml.lifecycle.registry import Champion, RegisteredVersion, Registry
from ml.lifecycle.scoring import scores
from ml.lifecycle.scoring.drift import reference
from ml.lifecycle.scoring.monitor import PLACE, monitor
from ml.lifecycle.tracking import Dataset
from ml.lifecycle.train import TooLittleDataError
from quanyu.config.settings import Settings
from quanyu.discover import Catalogue
from quanyu.expressions import qualifiers
from quanyu.fingerprint import fingerprint
from quanyu.grammar.declaration import digest
from quanyu.grammar.model_spec import ModelSpec
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.outcomes import training_of
from quanyu.point_in_time import as_of, view_parts
from quanyu.run.runner import Context, Outcome, Step


def trainings(catalogue: Catalogue) -> list[Step]:
    """List the steps that record identity-resolution models and train every model."""
    return [match_models.step(), *(_training(spec, catalogue) for spec in catalogue.models.values())]


def scoring(catalogue: Catalogue) -> list[Step]:
    """List the steps that score with all champions and measure how they hold up, or none if there are no models."""
    models = catalogue.models.values()
    if not models:
        return []
    reads = {f"gold/{view}" for spec in models for view in dataset.views_of(catalogue, spec)}
    reads |= {place_of(spec.entity.table) for spec in models}
    places = tuple(dict.fromkeys(place_of(scores.table_of(spec, catalogue)) for spec in models))
    return [Step(
        "scores", "score", tuple(sorted(reads)), places, digest([_declared(spec, catalogue) for spec in models]),
        scores.score_all, "Scores every entity of each model's population with its champion.", as_of=True,
        inputs=scores.champions, rebuilds=places,
    ), Step(
        "monitor", "score", tuple(sorted({*reads, *places})), (PLACE,),
        digest([_declared(spec, catalogue) for spec in models]), monitor,
        "Measures drift of features and scores against training, and how scores came true.", as_of=True,
    )]  # fmt: skip


def _declared(spec: type[ModelSpec], catalogue: Catalogue) -> str:
    """Hash of a model, of the code of its task, and of the definitions of what it names."""
    code = fingerprint(type(spec.task).__module__, type(spec.label).__module__)
    return digest([code, meaning(catalogue, spec)])


def _training(spec: type[ModelSpec], catalogue: Catalogue) -> Step:
    views = [catalogue.views[name] for name in dataset.views_of(catalogue, spec)]
    facts = [*(view.over for view in views), catalogue.tables[spec.label.over]]
    facts += [catalogue.tables[spec.experiment.over]] if spec.experiment else []
    facts += [table for view in views for table in view_parts.referred(view, catalogue.tables)]
    texts = (spec.label.where, spec.label.value, spec.experiment.where if spec.experiment else "")
    facts += [catalogue.tables[name] for name in qualifiers(filter(None, texts))]
    reads = {place for table in facts for place in as_of.sources_of(table)} | {*as_of.entity_sources(spec.entity)}
    return Step(
        f"train.{spec.name}", "train", tuple(sorted(reads)), (place_of(training_of(spec.entity)),),
        _declared(spec, catalogue),
        partial(train, spec=spec),
        " ".join((spec.__doc__ or "").split()), as_of=True, inputs=partial(_due, spec=spec),
        declares={f"model {spec.name}": spec.digest()},
    )  # fmt: skip


def prepare(settings: Settings) -> None:
    """Create the registry's database, once per home and version; two processes at a time would corrupt it."""
    from importlib.metadata import version

    mark = settings.home / f"mlflow-{version('mlflow')}.ready"
    # The mark of an earlier release is empty: its database names files by the place of the home.
    if not mark.exists() or not mark.read_text():
        Registry.of(settings).prepare()
        mark.write_text("files are named relative to the home\n")


def _due(context: Context, spec: type[ModelSpec]) -> dict[str, Any]:
    """The step's inputs besides tables: when the model was last trained, and whether this run may train it.

    New facts alone do not make it run.
    """
    return {"trained": context.store.unchanged_runs.load("trained", spec.name), "left out": _left_out(context, spec)}


def _left_out(context: Context, spec: type[ModelSpec]) -> bool:
    """Whether the run is to train other models alone."""
    return bool(context.trains) and spec.name not in context.trains


def train(context: Context, receipt: Receipt, spec: type[ModelSpec]) -> Outcome:
    """Train, evaluate and register a model if there is a reason to train it now; else say when there will be."""
    if not context.forced and _left_out(context, spec):
        # The same words for all of them, so that the summary has one line.
        return Outcome(notes=(f"not trained: this run trains {', '.join(context.trains)} alone (--train)",))
    registry, now = Registry.of(context.settings), meaning(context.catalogue, spec)
    decided = registry.decide(spec.name, now)
    if decided is None:
        return _train_if_due(context, receipt, spec, registry, now)
    _remember(context, spec, decided.trained_on, decided.version)
    words = f"{spec.name} version {decided.version}: champion, as the training of {decided.trained_on} was stopped"
    outcome = _train_if_due(context, receipt, spec, registry, now)
    return replace(outcome, notes=(f"{words} before it could be", *outcome.notes))


def _train_if_due(context: Context, receipt: Receipt, spec: type[ModelSpec], registry: Registry, now: str) -> Outcome:
    champion, versions = registry.champion(spec.name), registry.versions(spec.name)
    last = max((version.trained_on for version in versions), default=None)
    if context.forced:
        return _train(context, receipt, spec, registry, champion, "--force")
    if versions and versions[0].meaning != now:
        why = f"it is declared otherwise than version {versions[0].version} was"
        return _train(context, receipt, spec, registry, champion, why)
    # Where a champion of another meaning stands, scores are missed: it is tried daily until one passes.
    if (champion is None or champion.meaning == now) and not spec.due(context.day, last):
        gates = ", and no version has passed its gates" if champion is None else ""
        return Outcome(
            notes=(f"{spec.name}: trained on {last}{gates}; next training {spec.trained_every_days} days later",)
        )
    if last is not None and last >= context.day:
        return Outcome(notes=(f"{spec.name}: trained on {last} already; it did not pass its gates",))
    return _train(context, receipt, spec, registry, champion)


def _train(
    context: Context, receipt: Receipt, spec: type[ModelSpec], registry: Registry, champion: Champion | None,
    because: str = "",
) -> Outcome:  # fmt: skip
    try:
        cutoffs, test_cutoff = periods(context, spec)
        if not cutoffs:
            words = f"the data begins too late for a training cutoff before {test_cutoff}"
            return Outcome(notes=(f"{spec.name}: not trained, {words}",))
        # One of another meaning foretells something else: it is no yardstick.
        rival = champion if champion and champion.meaning == meaning(context.catalogue, spec) else None
        learned = learn(context, spec, cutoffs, test_cutoff, rival)
    except TooLittleDataError as error:
        return Outcome(notes=(f"{spec.name}: not trained: {error}",))
    tables = {place: context.lake.version(place) or 0 for place in context.step(f"train.{spec.name}").reads}
    trained, evaluation, training = learned.trained, learned.evaluation, learned.training
    rows = training_set.write(context, receipt, spec, training, evaluation.test)
    data = Dataset(context.day, tables, test_cutoff, tuple(cutoffs), learned.notes, rows, learned.share)
    # Of a task with several columns, the first is followed.
    scored = evaluation.scores.reshape(len(evaluation.scores), -1)[:, 0]
    bins = reference(training, trained.features, scored)
    recorded = registry.record(spec, trained, evaluation, data, meaning(context.catalogue, spec), bins)
    _remember(context, spec, context.day, recorded.version)
    trained_on = f"trained on {len(cutoffs)} cutoffs up to {cutoffs[0]}"
    why = f"; trained now: {because}" if because else ""
    note = f"{_ending(recorded, evaluation)}; test cutoff {test_cutoff}, {trained_on}{why}"
    notes = tuple(filter(None, (note, str(evaluation.verdict))))
    return Outcome(len(training), len(training), notes=notes, facts=_facts(spec, evaluation, recorded))


def _remember(context: Context, spec: type[ModelSpec], day: date, version: int) -> None:
    context.store.unchanged_runs.save("trained", spec.name, {"day": str(day), "version": version})


def _ending(recorded: RegisteredVersion, evaluation: Evaluation) -> str:
    state = "champion" if recorded.champion else "passed its gates, and another version stays champion"
    state = f"no champion, gates failed: {', '.join(evaluation.reasons)}" if evaluation.reasons else state
    return f"{recorded.name} version {recorded.version}: {state}"


def _facts(spec: type[ModelSpec], evaluation: Evaluation, recorded: RegisteredVersion) -> TrainingFacts:
    metrics = {name: round(float(value), 4) for name, value in evaluation.metrics.items()}
    return TrainingFacts(spec.name, metrics, recorded.champion, spec.task.headings)
