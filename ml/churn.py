"""Customers who are likely to stop buying."""

from __future__ import annotations

from ml.buying.no_purchase import PurchasePast
from ml.tasks.binary_classification import BinaryClassification
from quanyu.grammar.model_spec import Baseline, Cutoffs, Estimator, MetricGate, ModelSpec, NoneOf
from quanyu.model.entities import Customer

GROWING_LOYALTY = (
    "value.orders",
    "value.spend",
    "value.spend_90d",
    "value.spend_180d",
    "recency.orders_90d",
    "recency.orders_180d",
    "engagement.active_days",
    "engagement.active_days_90d",
    "engagement.active_days_180d",
    "preference.pieces",
    "preference.products",
    "preference.products_90d",
)


class Churn(ModelSpec):
    """No order in the next 90 days, among customers who ordered in the last 365."""

    entity = Customer
    owner = "growth"
    zh = "过去 365 天内下过单的客户中，谁在未来 90 天内不再下单（流失预警）。"
    population = "recency.days_since_order < 365"
    label = NoneOf("orders", horizon_days=90, where="purchase")
    # In contacts: somebody who would leave and is kept is worth five of them.
    task = BinaryClassification(
        calibration="sigmoid", contact_cost=1.0, margin=5.0, flag="at_risk", past=PurchasePast()
    )
    features = (
        *GROWING_LOYALTY,
        "value.average_order",
        "recency.days_since_order",
        "recency.days_between_orders",
        "rhythm.purchase_days",
        "recency.days_since_first",
    )
    cutoffs = Cutoffs(every_days=30, at_most=6, history_days=60)
    estimator = Estimator(
        kind="xgboost",
        # Few customers: shallow trees, with monotone directions that hold for any shop, generalise to the next season.
        params={
            "n_estimators": 300,
            "max_depth": 3,
            "learning_rate": 0.03,
            "min_child_weight": 20,
            "reg_lambda": 10,
            "subsample": 0.7,
            # By node: recency, which says most, is then missing from no tree.
            "colsample_bynode": 0.5,
        },
        rising=("recency.days_since_order",),
        falling=GROWING_LOYALTY,
    )
    baseline = Baseline(feature="recency.days_since_order", higher_is="more")
    segments = ("rfm.monetary",)
    gates = (
        MetricGate("test_rows", at_least=200),
        MetricGate("positives", at_least=50),
        MetricGate("auc", at_least=0.6),
        MetricGate("auc_over_baseline_low", at_least=0.0),
        MetricGate("auc_over_bg_nbd", at_least=0.0),
        MetricGate("calibration_in_the_large", at_least=0.8, at_most=1.25),
        # Whom nobody warns of is lost, and a contact too many costs little: too few foretold weigh more than too many.
        MetricGate("one_sided_error", at_least=-0.1, at_most=0.2),
        MetricGate("ece", at_most=0.1),
        MetricGate("score_drift", at_most=0.25),
        MetricGate("main_feature_drift", at_most=0.5),
        MetricGate("scoring_seconds", at_most=120),
        MetricGate("segment_auc", at_least=0.55),
        MetricGate("segment_calibration", at_most=1.5),
    )
