"""What a customer says: reviews, complaints, talks with service."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.knowledge import Complaints, Reviews, ServiceChats


class Reviewing(FeatureView):
    """What a customer says of items, in a year."""

    entity, owner, over, within = Customer, "service", Reviews, days(365)

    reviews = Feature("count(*)", "Reviews written.", unit="reviews", zh="评价数")
    stars = Feature("avg(stars)", "Mean stars given.", unit="stars", type="double", zh="平均评分")
    pictures = Feature("count_if(images > 0)", "Reviews with pictures (晒单).", unit="reviews", zh="晒单数")


class Inquiries(FeatureView):
    """How often a customer talks with customer service, in a year."""

    entity, owner, over, within = Customer, "service", ServiceChats, days(365)

    chats = Feature("count(distinct chat_id)", "Chats with service.", unit="chats", zh="咨询次数")


class Complaining(FeatureView):
    """What a customer complains of, in a year."""

    entity, owner, over, within = Customer, "service", Complaints, days(365)

    complaints = Feature("count(*)", "Complaints made.", unit="complaints", zh="投诉次数")
    unresolved = Feature("count_if(status <> 'closed')", "Complaints not closed yet.", unit="complaints",
                         zh="未结投诉数")  # fmt: skip
