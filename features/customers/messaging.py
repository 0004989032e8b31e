"""Where a customer can be reached, by the answers of the consent gate, and how he answers messages."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.people import ConsentAnswers
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


class Reachability(FeatureView):
    """Whether the consent gate lets a customer be contacted on a channel, and if not, why not.

    `reachable`; `consent`: no consent, or the customer objected; `address`: no address; `barred`: an address that is
    suppressed, such as one that bounced, is on a list or is shared with somebody who objected. Consents, withdrawals,
    message events, suppression lists and rows that cannot be read count, as they were known at the end of the day. Of a
    channel on which nobody has an address, nothing is known.
    """

    entity, owner, over = Customer, "private_domain", ConsentAnswers

    email = Feature("max(answer)", "Messages by e-mail.", where="purpose = 'messages' and channel = 'email'",
                    zh="邮件触达结论")  # fmt: skip
    sms = Feature("max(answer)", "Text messages.", where="purpose = 'messages' and channel = 'sms'",
                  zh="短信触达结论")  # fmt: skip
    phone = Feature("max(answer)", "Calls.", where="purpose = 'messages' and channel = 'phone'",
                    zh="电话触达结论")  # fmt: skip
    wecom = Feature("max(answer)", "Messages in WeCom.", where="purpose = 'messages' and channel = 'wecom'",
                    zh="企微触达结论")  # fmt: skip
    mini_program = Feature("max(answer)", "Messages of the mini-program.",
                           where="purpose = 'messages' and channel = 'mini_program'", zh="小程序触达结论")  # fmt: skip
    app_push = Feature("max(answer)", "Messages of the app.", where="purpose = 'messages' and channel = 'app_push'",
                       zh="应用推送触达结论")  # fmt: skip
    ads = Feature("max(answer)", "Advertisements, by an export to a platform.", where="purpose = 'ads'",
                  zh="广告投放结论")  # fmt: skip
    channels = Feature("count(*)", "Channels on which messages reach him.", unit="channels",
                       where="purpose = 'messages' and answer = 'reachable'", zh="可触达渠道数")  # fmt: skip
