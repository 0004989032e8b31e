"""Subscribers who are likely to end their contract."""

from ml.tasks.binary_classification import BinaryClassification
from quanyu.grammar.model_spec import AnyOf, Baseline, Cutoffs, Estimator, MetricGate, ModelSpec
from quanyu.model.entities import Customer


class ContractChurn(ModelSpec):
    """A subscription that ends in the next 30 days, among customers with one that runs."""

    entity = Customer
    owner = "growth"
    population = "contract.running > 0"
    label = AnyOf("subscription_events", horizon_days=30, where="kind = 'ended'")
    task = BinaryClassification(calibration="sigmoid")
    features = ("contract.renewals", "contract.uses", "contract.days_since_use")
    cutoffs = Cutoffs(every_days=30, at_most=4, history_days=30)
    estimator = Estimator(
        params={"n_estimators": 100, "max_depth": 2, "learning_rate": 0.05, "min_child_weight": 5},
        rising=("contract.days_since_use",),
        falling=("contract.uses",),
    )
    baseline = Baseline("contract.renewals", "less")
    gates = (
        MetricGate("positives", at_least=20),
        MetricGate("auc_over_baseline_low", at_least=0.0),
        MetricGate("calibration_in_the_large", at_least=0.67, at_most=1.5),
    )
