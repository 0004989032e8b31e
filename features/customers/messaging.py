"""How a customer answers messages."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.touch import Messages


class Messaging(FeatureView):
    """Which messages reach a customer, and what he does with them, over all channels, in 90 days."""

    entity, owner, over, within = Customer, "private_domain", Messages, days(90)

    received = Feature(
        "count(distinct message_id)", "Messages sent to him.", unit="messages",
        where="status in ('sent', 'delivered', 'opened', 'clicked', 'replied')", zh="收到消息数",
    )  # fmt: skip
    received_30d = Feature(
        "count(distinct message_id)", "Messages sent to him in 30 days.", unit="messages", within=days(30),
        where="status in ('sent', 'delivered', 'opened', 'clicked', 'replied')", zh="近30天收到消息数",
    )  # fmt: skip
    opened = Feature(
        "count(distinct message_id)", "Messages that he opened.", unit="messages",
        where="status in ('opened', 'clicked', 'replied')", zh="打开消息数",
    )  # fmt: skip
    clicked = Feature(
        "count(distinct message_id)", "Messages in which he clicked or answered.", unit="messages",
        where="status in ('clicked', 'replied')", zh="点击消息数",
    )  # fmt: skip
    channel = Feature(
        "mode(channel, true)", "Channel on which he opens most messages.",
        where="status in ('opened', 'clicked', 'replied')", zh="偏好触达渠道",
    )  # fmt: skip
    days_since_opened = Feature(
        "datediff(as_of, max(at))", "Whole days since he opened a message.", unit="days", within=None,
        where="status in ('opened', 'clicked', 'replied')", zh="距上次打开天数",
    )  # fmt: skip
    unsubscribed = Feature(
        "count(*)", "Times that he unsubscribed or complained.", unit="times", within=None,
        where="status in ('unsubscribed', 'complained')", zh="退订次数",
    )  # fmt: skip
