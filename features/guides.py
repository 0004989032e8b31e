"""What guides do: contacts, messages, sales, and customers who return to them."""

from quanyu.grammar.feature import Feature, FeatureView, Grouping, days
from quanyu.model.entities import StaffMember
from quanyu.model.touch import Contacts, Messages
from quanyu.model.trade import Orders


class GuideContacts(FeatureView):
    """Whom a guide has in the contact list of WeCom (企业微信好友)."""

    entity, owner, over = StaffMember, "private_domain", Contacts

    current = Feature("count_if(deleted_at is null or to_date(deleted_at) > as_of)", "Contacts today.",
                      unit="contacts", zh="现有好友数")  # fmt: skip
    added_30d = Feature("count_if(datediff(as_of, added_at) between 0 and 29)", "Contacts added in 30 days.",
                        unit="contacts", zh="近30天新增好友")  # fmt: skip
    ever = Feature("count(*)", "Contacts ever, of whom some deleted the guide or were deleted.", unit="contacts",
                   zh="累计好友数")  # fmt: skip
    lost_share = Feature(
        "count_if(deleted_by = 'customer' and to_date(deleted_at) <= as_of) / nullif(count(*), 0)",
        "Share of all contacts ever who deleted the guide.", unit="share", type="double", zh="好友流失率",
    )  # fmt: skip


class GuideMessages(FeatureView):
    """What a guide writes, and who answers, in 30 days; a message that failed was not sent."""

    entity, owner, over, within = StaffMember, "private_domain", Messages, days(30)
    where = "status in ('sent', 'delivered', 'opened', 'clicked', 'replied')"

    sent = Feature("count(distinct message_id)", "Messages sent.", unit="messages", zh="发送消息数")
    replies_ever = Feature("count(distinct message_id)", "Messages that were ever answered.", unit="messages",
                           where="status = 'replied'", within=None, zh="累计被回复消息数")  # fmt: skip
    opened = Feature("count(distinct message_id)", "Messages that were opened.", unit="messages",
                     where="status in ('opened', 'clicked', 'replied')", zh="被打开消息数")  # fmt: skip
    replies = Feature("count(distinct message_id)", "Messages that were answered.", unit="messages",
                      where="status = 'replied'", zh="被回复消息数")  # fmt: skip
    people = Feature("count(distinct person_key)", "People written to.", unit="people", zh="触达人数")


class GuideSales(FeatureView):
    """What a guide sells, in 90 days."""

    entity, owner, over, within = StaffMember, "retail", Orders, days(90)
    where = "purchase"

    orders = Feature("count(*)", "Purchases served.", unit="orders", zh="成交单数")
    sales = Feature("sum(amount)", "Paid for these.", unit="currency", zh="销售额")
    average_order = Feature("avg(amount)", "Mean amount of a purchase.", unit="currency", type="double", zh="客单价")
    pieces_per_order = Feature(
        "sum(pieces) / nullif(count(pieces), 0)", "Mean pieces of a purchase: units per transaction (UPT).",
        unit="pieces", type="double", zh="连带率",
    )  # fmt: skip


class GuideClients(FeatureView):
    """Whom a guide serves, as the tills know people, in a year."""

    entity, owner, over, within = StaffMember, "retail", Orders, days(365)
    where = "purchase and person_key is not null"
    groups = Grouping({"client": "person_key"}, {"purchases": "count(*)"})

    people = Feature("count(*)", "Different people served.", unit="people", zh="服务客户数")
    returning = Feature("count_if(purchases >= 2)", "People who bought twice or more.", unit="people", zh="回头客数")
    returning_share = Feature(
        "count_if(purchases >= 2) / count(*)", "Share of people who bought twice or more: the repeat purchase rate.",
        unit="share", type="double", zh="回头客占比",
    )  # fmt: skip
