"""One training from frame to evaluation, as a run makes it and as it is reproduced from its pins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ml.lifecycle.evaluate import Evaluation, evaluate
from ml.lifecycle.frames import dataset
from ml.lifecycle.frames.assigned import assigned, cutoffs_of
from ml.lifecycle.registry import Champion
from ml.lifecycle.train import TooLittleDataError, Trained, train
from quanyu.grammar.model_spec import ModelSpec
from quanyu.run.runner import Context
from quanyu.sentences import Sentence

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Learned:
    """A trained model, its evaluation on the test cutoff, the rows that it learned from, and notes on identities."""

    trained: Trained
    evaluation: Evaluation
    training: pd.DataFrame
    notes: tuple[Sentence, ...] = ()
    share: float = 1.0
    """Share of the entities that it learned from."""


def learn(
    context: Context,
    spec: type[ModelSpec],
    cutoffs: Sequence[date],
    test_cutoff: date,
    champion: Champion | None = None,
    share: float | None = None,
) -> Learned:
    """Train on some cutoffs, and evaluate on a later one beside the champion. Raises TooLittleDataError.

    `share` is that of the entities to learn from; by default as many as fit into memory.
    """
    context.progress(f"reads {len(cutoffs)} training cutoffs and the test of {test_cutoff}")
    labelled = rows_of(context, spec, cutoffs, test_cutoff, share)
    test = labelled.rows[labelled.rows["cutoff"] >= test_cutoff].reset_index(drop=True)
    training = labelled.rows[labelled.rows["cutoff"].isin(cutoffs)].reset_index(drop=True)
    if test.empty:
        raise TooLittleDataError(f"{spec.name}: no row to test on from {test_cutoff} on, so that nothing is learned.")
    nthread = context.settings.spark.cores
    context.progress(f"trains on {len(training):,} rows")
    trained = train(spec, training, nthread=nthread)
    context.progress(f"evaluates on {len(test):,} rows, and looks for leaks")
    evaluation = evaluate(spec, trained, test, _scores_of(champion, test), training, nthread)
    return Learned(trained, evaluation, training, labelled.notes, labelled.share)


def periods(context: Context, spec: type[ModelSpec]) -> tuple[list[date], date]:
    """Training cutoffs, newest first, and the test cutoff: of a grid, or of campaigns.

    Raises TooLittleDataError where campaigns are too few to learn from one and test on another.
    """
    if spec.experiment is None:
        return spec.training_cutoffs(context.day, dataset.first_day(context, spec)), spec.test_cutoff(context.day)
    cutoffs, test_cutoff = cutoffs_of(context, spec)
    if test_cutoff is None:
        words = "has logged probabilities that allow to learn from it, and an outcome that is known on"
        raise TooLittleDataError(f"no campaign {words} {context.day}")
    if not cutoffs:
        raise TooLittleDataError(f"no campaign before {test_cutoff} had an outcome that was known by then")
    return cutoffs, test_cutoff


def rows_of(
    context: Context, spec: type[ModelSpec], cutoffs: Sequence[date], test_cutoff: date, share: float | None = None
) -> dataset.LabelledFrame:
    """Rows of the training cutoffs and of the test: everybody of each cutoff, or comparable draws of campaigns."""
    if spec.experiment is None:
        return dataset.labelled(context, spec, *cutoffs, test_cutoff, share=share)
    drawn = assigned(context, spec, min(*cutoffs, test_cutoff) + timedelta(days=1), context.day, share)
    chosen, notes = spec.task.comparable(drawn.rows)
    return replace(drawn, rows=drawn.rows[chosen], notes=(*drawn.notes, *notes))


def _scores_of(champion: Champion | None, test: pd.DataFrame) -> Any:
    """What the champion says of the test rows; None if it learned from features that are not the model's any more."""
    if champion is None or not set(champion.features) <= set(test):
        return None
    return champion.ask(test[list(champion.features)].astype("float64"))
