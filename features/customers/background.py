"""What other parties say of a customer, within his consent."""

from quanyu.grammar.feature import Feature, FeatureView
from quanyu.model.entities import Customer
from quanyu.model.people import CustomerAttributes


class Background(FeatureView):
    """What other houses and vendors say of a customer who consented to its use (二方、三方数据).

    Where parties differ, the newest counts. An attribute without consent to its purpose is not in the table.
    """

    entity, owner, over = Customer, "legal", CustomerAttributes

    income = Feature("max_by(value, said_on)", "Income band.", where="attribute = 'income_band'", zh="收入水平",
                     category="financial_status")  # fmt: skip
    income_source = Feature(
        "max_by(source, said_on)", "Feed that says so.", where="attribute = 'income_band'", zh="收入水平来源"
    )
    income_agrees = Feature(
        "min(value) = max(value)", "Whether all parties say the same of his income; null if none says anything.",
        where="attribute = 'income_band'", zh="收入水平是否一致",
    )  # fmt: skip
    income_parties = Feature(
        "count(distinct source)", "Parties that say something of his income.", unit="parties",
        where="attribute = 'income_band'", zh="收入水平来源数",
    )  # fmt: skip
