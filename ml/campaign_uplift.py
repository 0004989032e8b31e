"""What a campaign's message adds."""

from __future__ import annotations

from ml.tasks.uplift import Uplift
from quanyu.grammar.model_spec import AnyOf, Estimator, MetricGate, ModelSpec
from quanyu.grammar.offers.assignments import CampaignAssignments
from quanyu.model.entities import Customer

# What a customer did before the draw: how he buys, at which prices, and what he makes of messages.
BEFORE_THE_DRAW = (
    "value.orders",
    "value.spend",
    "value.orders_ever",
    "value.average_order",
    "recency.days_since_order",
    "recency.orders_90d",
    "recency.orders_180d",
    "recency.days_between_orders",
    "deals.discount_share",
    "deals.promotion_share",
    "messaging.received",
    "messaging.opened",
    "messaging.clicked",
    "browsing.visits",
    "browsing.carts",
    "engagement.active_days_90d",
    "engagement.channels",
    "preference.new_share",
    "referrals.visits",
)
# The day of the draw, and the 14 days after it.
HORIZON_DAYS = 15


class CampaignUplift(ModelSpec):
    """What a campaign's message adds to the chance of a purchase in the 14 days after it."""

    entity = Customer
    owner = "growth"
    population = "customer.joined_on is not null"
    label = AnyOf("orders", horizon_days=HORIZON_DAYS, where="purchase")
    experiment = CampaignAssignments(test_campaigns=3)
    task = Uplift()
    features = BEFORE_THE_DRAW
    # Effects are small differences of outcomes: strongly regularised, or it learns noise.
    estimator = Estimator(kind="t_learner", params={"base": "linear", "C": 0.01})
    gates = (
        MetricGate("test_rows", at_least=1000),
        MetricGate("positives", at_least=100),
        MetricGate("qini_low", at_least=0.0),
        MetricGate("qini_over_response_low", at_least=0.0),
        MetricGate("uplift_at_30pct_over_all_low", at_least=0.0),
        MetricGate("effect_slope_high", at_least=0.5),
        MetricGate("score_drift", at_most=0.25),
        MetricGate("scoring_seconds", at_most=120),
    )
