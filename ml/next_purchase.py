"""When customers buy next."""

from __future__ import annotations

from ml.tasks.next_purchase import DaysUntil, NextPurchaseTiming
from quanyu.grammar.model_spec import Cutoffs, Estimator, MetricGate, ModelSpec
from quanyu.model.entities import Customer


class NextPurchase(ModelSpec):
    """Days until the next purchase within 90 days, among customers who have bought on two days at least."""

    entity = Customer
    owner = "growth"
    population = "rhythm.gaps > 0"
    label = DaysUntil("orders", horizon_days=90, where="purchase")
    task = NextPurchaseTiming()
    features = (
        "rhythm.gaps",
        "rhythm.typical_gap",
        "recency.days_since_order",
        "recency.days_since_first",
    )
    # An earlier cutoff tells a part of the same histories.
    cutoffs = Cutoffs(at_most=1, history_days=90)
    estimator = Estimator(kind="rhythm")
    gates = (
        MetricGate("test_rows", at_least=200),
        MetricGate("came", at_least=50),
        MetricGate("mae_below_gap_low", at_least=0.0),
        MetricGate("coverage", at_least=0.35, at_most=0.65),
        MetricGate("auc_over_baseline_low", at_least=0.0),
        MetricGate("foretold_to_actual", at_least=0.67, at_most=1.5),
        MetricGate("score_drift", at_most=0.25),
        MetricGate("main_feature_drift", at_most=0.5),
        MetricGate("scoring_seconds", at_most=120),
    )
