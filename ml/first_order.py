"""Potential customers who are about to buy for the first time."""

from __future__ import annotations

from ml.tasks.binary_classification import BinaryClassification
from quanyu.grammar.model_spec import AnyOf, Baseline, Cutoffs, Estimator, MetricGate, ModelSpec
from quanyu.model.entities import Customer


class FirstOrder(ModelSpec):
    """The first order in the next 90 days, among those who were found but have not bought yet."""

    entity = Customer
    owner = "growth"
    population = "value.orders_ever = 0 or value.orders_ever is null"
    label = AnyOf("orders", horizon_days=90, where="purchase")
    task = BinaryClassification(calibration="sigmoid")
    features = (
        "aarrr.days_in_stage",
        "browsing.visits",
        "browsing.views",
        "browsing.products",
        "browsing.searches",
        "browsing.carts",
        "browsing.days_since_visit",
        "guides.contacts",
        "communities.groups_in",
        "participation.signups",
        "messaging.received",
        "messaging.opened",
        "messaging.clicked",
        "messaging.days_since_opened",
        "inquiries.chats",
        "referrals.visits",
    )
    cutoffs = Cutoffs(every_days=30, at_most=6, history_days=60)
    estimator = Estimator(
        kind="xgboost",
        params={
            "n_estimators": 200,
            "max_depth": 3,
            "learning_rate": 0.03,
            "min_child_weight": 20,
            "reg_lambda": 10,
            "subsample": 0.7,
            "colsample_bynode": 0.5,
        },
    )
    baseline = Baseline(feature="browsing.days_since_visit", higher_is="less")
    gates = (
        MetricGate("test_rows", at_least=200),
        MetricGate("positives", at_least=50),
        MetricGate("auc", at_least=0.6),
        MetricGate("auc_over_baseline_low", at_least=0.0),
        MetricGate("calibration_in_the_large", at_least=0.8, at_most=1.25),
        MetricGate("one_sided_error", at_least=-0.1, at_most=0.2),
        MetricGate("ece", at_most=0.1),
        MetricGate("score_drift", at_most=0.25),
        MetricGate("main_feature_drift", at_most=0.5),
        MetricGate("scoring_seconds", at_most=120),
    )
