"""What a customer sends back."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.trade import OrderLines


class Refunds(FeatureView):
    """What a customer returns of what he bought, by pieces of a year."""

    entity, owner, over, within = Customer, "service", OrderLines, days(365)
    where = "status = 'paid'"

    pieces = Feature("sum(-quantity)", "Pieces returned.", unit="pieces", where="kind = 'return'", zh="退货件数")
    rate = Feature(
        "-sum(quantity) filter (where kind = 'return') / nullif(sum(quantity) filter (where purchase), 0)",
        "Pieces returned for each piece bought; null without purchases.",
        unit="share",
        type="double",
        zh="退货率",
    )
    amount = Feature("sum(-amount)", "Money paid back.", unit="currency", where="kind = 'return'", zh="退款金额")
