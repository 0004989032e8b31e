"""What customers will buy and spend."""

from __future__ import annotations

from ml.tasks.lifetime_value import LifetimeValue
from quanyu.grammar.model_spec import Cutoffs, Estimator, Label, MetricGate, ModelSpec
from quanyu.model.entities import Customer


class Lifetime(ModelSpec):
    """Purchases and spending of the next 90 days, among customers who have bought."""

    entity = Customer
    owner = "growth"
    zh = "买过的客户在未来 90 天内会买几次、花多少（客户价值）。"
    population = "rhythm.spend_per_day > 0"
    label = Label("orders", horizon_days=90, where="purchase", value="sum(amount)")
    task = LifetimeValue()
    features = (
        "rhythm.purchase_days",
        "recency.days_since_first",
        "recency.days_since_order",
        "rhythm.spend_per_day",
    )
    # An earlier cutoff tells a part of the same histories.
    cutoffs = Cutoffs(at_most=1, history_days=90)
    estimator = Estimator(kind="bg_nbd")
    gates = (
        MetricGate("test_rows", at_least=200),
        MetricGate("spenders", at_least=50),
        MetricGate("correlation_over_rate_low", at_least=0.0),
        MetricGate("mae_below_rate_low", at_least=0.0),
        MetricGate("foretold_to_actual", at_least=0.67, at_most=1.5),
        MetricGate("score_drift", at_most=0.25),
        MetricGate("main_feature_drift", at_most=0.5),
        MetricGate("scoring_seconds", at_most=120),
    )
