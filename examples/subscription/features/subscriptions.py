"""What a customer's contracts tell."""

from quanyu.grammar.feature import Feature, FeatureView
from quanyu.model.entities import Customer

from ..tables.subscription_events import SubscriptionEvents


class Contract(FeatureView):
    """Subscriptions of a customer."""

    entity = Customer
    owner = "growth"
    over = SubscriptionEvents

    running = Feature(
        "count_if(kind = 'begun') - count_if(kind = 'ended')", "Subscriptions that run.", unit="subscriptions"
    )
    renewals = Feature("count_if(kind = 'renewed')", "Renewals.", unit="renewals")
    uses = Feature("count_if(kind = 'used')", "Uses of the last 30 days.", unit="uses", within=30)
    days_since_use = Feature(
        "datediff(as_of, max(at) filter (where kind = 'used'))", "Whole days since the last use.", unit="days"
    )
