"""Uplift: what contact with a customer adds to the probability of an outcome, learned from randomised campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.evaluation.campaign import METRICS, OF_COSTS, CampaignTest, with_bounds
from ml.evaluation.leaks import learned_from_nothing, too_good_alone
from ml.lifecycle.frames.data_notes import on_incomparable
from ml.lifecycle.train import TooLittleDataError, inputs, outcomes
from ml.uplift.comparison import Terms
from ml.uplift.draws import comparable, experiment_of
from ml.uplift.learners import expected, trained
from ml.uplift.qini import UpliftRanking
from ml.uplift.uplift_predictor import BASES, LINEAR, UpliftPredictor, base_of
from ml.uplift.verdict import verdict
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.model_spec import AnyOf, ModelSpec, NoneOf
from quanyu.grammar.table import Column
from quanyu.grammar.task import DECILE, REASONS, Examples, Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ml.evaluation.leaks import Learner
    from quanyu.grammar.task import Floats
    from quanyu.sentences import Sentence

NOTHING = float("nan")
# Rows with the outcome, and without it, that each arm must have.
LEAST = 10
TOO_GOOD = 0.95
# What the monitor says of draws after the training.
REALISED = ("qini", "qini_over_response", "uplift_at_30pct", "effect", "mean_uplift")


@dataclass(frozen=True)
class Uplift(Task):
    """What contact adds to the probability of the label, compared with the response model on later campaigns."""

    contact_cost: float = 0.0
    """What a contact costs, in the house's currency; without it the verdict is on who comes first."""
    margin: float = 1.0
    """What one more outcome brings, before that cost, in the house's currency."""

    labels = (NoneOf, AnyOf)
    estimators = ("s_learner", "t_learner", "class_transformation")
    columns = {
        "uplift": Column("double", "What contact adds to the probability of the outcome.", unit="probability",
                         at_least=-1, at_most=1),
        "response": Column("double", "Probability of the outcome after contact.", unit="probability", at_least=0,
                           at_most=1),
    }  # fmt: skip
    derived = {**DECILE, **REASONS}
    metrics = METRICS
    compared_with = "response model"
    meanings = {
        "test_rows": "too few to judge it by",
        "positives": "too few of them came true to judge it by",
        "qini_low": "it may rank no better than a random order",
        "qini_over_response_low": "the response model may rank as well",
        "uplift_at_30pct_over_all_low": "contact may do no more among the first 30 % than among all",
        "uplift_at_30pct_over_response_low": "the first 30 % of the response model may do as well",
        "effect_slope_high": "effects surely differ less between customers than it foretells",
        "gain_over_all_low": "contact with those whom it names may gain no more than contact with all",
    }
    headings = {"qini": "Qini", "baseline_qini": "response model's Qini", "uplift_at_30pct": "uplift at 30 %",
                "effect": "effect on all"}  # fmt: skip

    def problems(self, spec: type[ModelSpec]) -> list[tuple[str, str]]:
        """Also: there is no experiment, or a parameter is not one of the base estimator's."""
        mistakes, estimator = super().problems(spec), spec.estimator
        if spec.experiment is None:
            mistakes.append(("experiment", "is missing: uplift is learned from the arms of campaigns"))
        base = str(estimator.params.get("base", LINEAR))
        if base not in BASES:
            mistakes.append(("estimator.params", f"base {base!r} is not known; {nearest(base, BASES)}"))
        for name in (name for name in estimator.params if name != "base" and base in BASES):
            if name not in BASES[base]:
                mistakes.append(("estimator.params", f"{name!r} is none of {base}; {nearest(name, BASES[base])}"))
        if estimator.search or estimator.rising or estimator.falling:
            mistakes.append(("estimator", "an uplift has no declared direction, and nothing is searched for it"))
        if not self.contact_cost:
            costly = [gate.metric for gate in spec.gates if gate.metric in with_bounds(OF_COSTS)]
            mistakes += [("gates", f"{metric!r} needs contact_cost of the task") for metric in costly]
        if not 0 <= self.contact_cost < self.margin:
            amounts = f"contact_cost {self.contact_cost:g} and margin {self.margin:g}"
            mistakes.append(("task.margin", f"{amounts}: a contact costs less than it may bring"))
        return mistakes

    def comparable(self, draws: pd.DataFrame) -> tuple[NDArray[np.bool_], tuple[Sentence, ...]]:
        """Draws between the control and another arm, with odds that are known."""
        usable = comparable(draws)
        return usable.chosen, tuple(on_incomparable(usable.without_both_arms, usable.of_unknown_odds))

    def shortage(self, labels: Floats) -> str:
        """Both outcomes are needed."""
        rows, positives = len(labels), int(labels.sum())
        few = min(positives, rows - positives) < 2 * LEAST
        return f"{positives} of {rows} rows have the label; both outcomes are needed." if few else ""

    def fit(self, spec: type[ModelSpec], examples: Examples, nthread: int, seed: int) -> UpliftPredictor:
        """Train a learner of uplift and the response model. TooLittleDataError without rows of both arms."""
        try:
            experiment, _ = experiment_of(_draws(examples), examples.matrix, examples.labels, examples.keys)
        except ConfigError as error:
            raise TooLittleDataError(f"{spec.name}: {error}") from None
        base = base_of(spec.estimator.params)
        return UpliftPredictor.fit(spec.features, spec.estimator.kind, base, experiment, seed)

    def evaluate(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, facts: Mapping[str, Any]
    ) -> dict[str, float]:
        """Compute the metrics with their bounds, and those of the response model on the same rows."""
        tested = self._tested(spec, predictions, test)
        return tested.metrics() if tested else dict.fromkeys(METRICS, NOTHING)

    def realised(self, spec: type[ModelSpec], rows: pd.DataFrame) -> Mapping[str, float]:
        """How the customers came out whom campaigns drew after they were scored: figures of REALISED with bounds."""
        tested = self._tested(spec, rows[list(self.columns)].to_numpy("float64"), rows)
        metrics = tested.metrics() if tested else {}
        return {name: metrics[name] for name in with_bounds(REALISED) if name in metrics}

    def compare(
        self, spec: type[ModelSpec], predictions: Floats, champion: Floats, test: pd.DataFrame
    ) -> dict[str, float]:
        """Qini over that of the champion on the same rows."""
        own, others = (self._tested(spec, scores, test) for scores in (predictions, champion))
        if own is None or others is None:
            return {}
        over = own.over(others)
        return {"over_champion": over.value, "over_champion_low": over.low, "over_champion_high": over.high}

    def leaks(
        self, spec: type[ModelSpec], examples: Examples, test: pd.DataFrame, nthread: int, seed: int
    ) -> tuple[str, ...]:
        """A single feature that knows the outcome, and shuffled labels that are learned."""
        labels = outcomes(test)
        if self.shortage(labels):
            return ()
        rows, learn = (inputs(test, spec.features), labels), _learner(spec, seed)
        alone = too_good_alone(spec.features, examples, rows, learn, TOO_GOOD)
        return (*alone, *learned_from_nothing(examples, rows, learn, seed))

    def training_metrics(
        self, spec: type[ModelSpec], examples: Examples, predictions: Floats, nthread: int, seed: int
    ) -> dict[str, float]:
        """Qini on the rows that it learned from."""
        experiment, chosen = experiment_of(_draws(examples), predictions, examples.labels, examples.keys)
        return {"training_qini": UpliftRanking(experiment, predictions[chosen, 0]).qini()}

    def verdict(self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame) -> str:
        """Whom to contact: by uplift, by response, all or none, and why."""
        tested = self._tested(spec, predictions, test)
        return verdict(tested.evidence).sentence if tested else ""

    def tables(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, facts: Mapping[str, Any]
    ) -> dict[str, pd.DataFrame]:
        """Tenths by uplift, highest first: what was foretold, and what came."""
        tested = self._tested(spec, predictions, test)
        return {"tenths": tested.tenths()} if tested else {}

    def plots(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, metrics: Mapping[str, float], title: str
    ) -> dict[str, Any]:
        """The Qini curve beside the response model's, and effects by tenth."""
        from ml.evaluation.uplift_curves import plots

        tested = self._tested(spec, predictions, test)
        return plots(tested, title) if tested else {}

    def _tested(self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame) -> CampaignTest | None:
        """The randomised rows of the test; None where they say nothing of one of the arms."""
        labels = outcomes(test)
        if self.shortage(labels):
            return None
        try:
            experiment, chosen = experiment_of(test, predictions, labels, test[spec.entity.key])
        except ConfigError:
            return None
        scores = predictions[chosen]
        return CampaignTest(
            experiment, scores[:, 0], scores[:, 1], spec.estimator.kind, Terms(self.margin, self.contact_cost)
        )


def _draws(examples: Examples) -> pd.DataFrame:
    if examples.draws is None:
        raise ConfigError("Uplift is learned from the arms of campaigns, and these rows have none.")
    return examples.draws


def _learner(spec: type[ModelSpec], seed: int) -> Learner:
    """Learns outcomes, whatever the arm."""
    base = base_of(spec.estimator.params)

    def learn(matrix: Floats, labels: Floats, others: Floats) -> Floats:
        import numpy as np

        return expected(trained(base, seed, matrix, labels, np.ones(len(labels))), others)

    return learn
