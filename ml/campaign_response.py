"""Who answers a campaign."""

from __future__ import annotations

from ml.campaign_uplift import BEFORE_THE_DRAW, HORIZON_DAYS
from ml.tasks.binary_classification import BinaryClassification
from quanyu.grammar.model_spec import AnyOf, Baseline, Estimator, MetricGate, ModelSpec
from quanyu.grammar.offers.assignments import CampaignAssignments
from quanyu.model.entities import Customer


class CampaignResponse(ModelSpec):
    """A purchase in the 14 days after a campaign's message, which many would make without it too."""

    entity = Customer
    owner = "growth"
    population = "customer.joined_on is not null"
    label = AnyOf("orders", horizon_days=HORIZON_DAYS, where="purchase")
    experiment = CampaignAssignments(where="arm <> 'control'", test_campaigns=3)
    task = BinaryClassification(calibration="sigmoid")
    features = BEFORE_THE_DRAW
    estimator = Estimator(
        kind="xgboost",
        # Few customers: shallow trees.
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
    baseline = Baseline(feature="recency.days_since_order", higher_is="less")
    segments = ("rfm.monetary",)
    gates = (
        MetricGate("test_rows", at_least=500),
        MetricGate("positives", at_least=50),
        MetricGate("auc", at_least=0.6),
        MetricGate("auc_over_baseline_low", at_least=0.0),
        MetricGate("calibration_in_the_large", at_least=0.8, at_most=1.25),
        MetricGate("one_sided_error", at_least=-0.1, at_most=0.2),
        MetricGate("ece", at_most=0.1),
        MetricGate("score_drift", at_most=0.25),
        MetricGate("main_feature_drift", at_most=0.5),
        MetricGate("scoring_seconds", at_most=120),
        MetricGate("segment_auc", at_least=0.55),
        MetricGate("segment_calibration", at_most=1.5),
    )
