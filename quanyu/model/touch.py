"""Touchpoints: events, store visits, contacts and groups in WeCom, messages, campaigns, ads."""

from __future__ import annotations

from quanyu.grammar.table import HAPPENED, MONEY, PLANNED, Column, Table
from quanyu.model.people import CHANNELS, KINDS


class Events(Table):
    """One action on a page, in an app or a mini-program (小程序)."""

    layer = "silver"
    owner = "digital"
    personal = True
    keys = ("event_id",)
    event_time = "at"

    event_id = Column("string", "Key of the event.", required=True)
    kind = Column("string", "Kind of action.", required=True, values=("view", "search", "cart", "pay", "share", "scan"))
    at = Column("timestamp", "When; the time of receipt if the client's clock is wrong by more than a day.",
                days=HAPPENED, required=True)  # fmt: skip
    app = Column("string", "Where.", values=("mini_program", "web", "app"))
    page = Column("string", "Page.")
    sku = Column("string", "Item of the action.", references="products")
    query = Column("string", "Search text.")
    order_id = Column("string", "Order that it created.")
    amount = Column(MONEY, "Amount of the action.", unit="currency")
    store = Column("string", "Store that the visitor was in or chose.")
    shared_by = Column("string", "SHA-256 of the identifier of who shared the page; null for none.", pii=True)
    is_bot = Column("boolean", "Whether the user agent declares a bot.", required=True)
    campaign = Column("string", "Campaign of the link or ad by which the visitor came; null for none.")


class StoreVisits(Table):
    """Hourly counts of a door sensor, by estimated sex and age. No personal data."""

    layer = "silver"
    owner = "retail"
    keys = ("sensor", "hour", "sex", "age_band")
    event_time = "hour"

    sensor = Column("string", "The sensor.", required=True)
    hour = Column("timestamp", "Beginning of the hour.", days=HAPPENED, required=True)
    sex = Column("string", "Estimated sex.", required=True, values=("female", "male", "unknown"))
    age_band = Column("string", "Estimated age.", required=True,
                      values=("0-17", "18-24", "25-34", "35-44", "45-59", "60+"))  # fmt: skip
    store = Column("string", "The store.", required=True, references="stores")
    entries = Column("bigint", "People who came in; more than 2,000 in an hour is a stuck counter.", unit="people",
                     at_least=0, at_most=2000)  # fmt: skip
    dwell = Column("double", "Mean stay.", unit="seconds", at_least=0)


class Contacts(Table):
    """A person in the contact list of an employee (企业微信好友)."""

    layer = "silver"
    owner = "private_domain"
    personal = True
    keys = ("person_key", "staff_user")

    staff_user = Column("string", "WeCom user id of the employee.", required=True, references="staff",
                        references_column="wecom_user")  # fmt: skip
    added_at = Column("timestamp", "When the contact was added.", days=HAPPENED, required=True)
    added_by = Column("string", "How the contact was added.", values=("scan", "search", "share", "group"))
    tags = Column("string", "Tags that employees gave, as a JSON list.")
    deleted_at = Column("timestamp", "When the contact was deleted; null while it exists.", days=PLANNED)
    deleted_by = Column("string", "Who deleted it.", values=("customer", "staff"))


class Groups(Table):
    """A person's membership in a chat group (社群)."""

    layer = "silver"
    owner = "private_domain"
    personal = True
    keys = ("chat_id", "person_key", "joined_at")

    chat_id = Column("string", "The group.", required=True)
    group_name = Column("string", "Name of the group.")
    staff_user = Column("string", "WeCom user id of its owner.", references="staff", references_column="wecom_user")
    joined_at = Column("timestamp", "When the person joined.", days=HAPPENED, required=True)
    quit_at = Column("timestamp", "When the person left; null for a current member.", days=PLANNED)


class Messages(Table):
    """One status change of a message.

    Its address is the identifier of the row's person that the channel reaches.
    """

    layer = "silver"
    owner = "private_domain"
    personal = True
    keys = ("message_id", "status")
    event_time = "at"
    permanent_where = "status in ('unsubscribed', 'bounced', 'complained')"
    channel_column = "channel"

    message_id = Column("string", "Key of the message.", required=True)
    status = Column("string", "What happened.", required=True,
                    values=("sent", "delivered", "opened", "clicked", "replied", "bounced", "unsubscribed",
                            "complained", "not_friend", "limit_reached", "failed"))  # fmt: skip
    at = Column("timestamp", "When.", days=HAPPENED, required=True)
    channel = Column("string", "On which channel.", required=True, values=CHANNELS)
    address_kind = Column("string", "Kind of the address it was sent to; null if unknown.",
                          values=KINDS)  # fmt: skip
    address_hash = Column("string", "Keyed hash of that address.", pii=True)
    campaign = Column("string", "Campaign of the message.", references="campaigns")
    sender = Column("string", "WeCom user id of the employee in whose name it was sent.", references="staff",
                    references_column="wecom_user")  # fmt: skip


class Campaigns(Table):
    """One campaign with its arms."""

    layer = "silver"
    owner = "growth"
    keys = ("campaign",)

    campaign = Column("string", "Key of the campaign.", required=True)
    campaign_name = Column("string", "Name.")
    channel = Column("string", "On which channel.", values=CHANNELS)
    purpose = Column("string", "Kind of campaign.")
    goal = Column("string", "Goal of the campaign.")
    starts_on = Column("date", "First day.", days=PLANNED)
    ends_on = Column("date", "Last day.", days=PLANNED)
    arms = Column("string", "Arms with their shares, as text.")


class Assignments(Table):
    """The arm of a campaign that a person was randomly given (随机分组), with the probability of that draw."""

    layer = "silver"
    owner = "growth"
    personal = True
    keys = ("campaign", "person_key")
    event_time = "assigned_at"

    campaign = Column("string", "The campaign.", required=True, references="campaigns")
    arm = Column("string", "The arm: `control` gets nothing, the others are named by the campaign.", required=True)
    probability = Column("double", "Probability with which the person got this arm; null if nobody logged it.",
                         unit="probability", at_least=0, at_most=1)  # fmt: skip
    chances = Column("string", "Probability of each arm with which the person could get it, such as"
                     " `control:0.5;mail:0.5`; null if nobody logged them.")  # fmt: skip
    assigned_at = Column("timestamp", "When it was assigned.", required=True)


class AdResults(Table):
    """Daily results reported by an advertising platform (回流)."""

    layer = "silver"
    owner = "growth"
    keys = ("platform", "account", "campaign", "audience", "day")
    event_time = "day"

    platform = Column("string", "The platform.", required=True)
    account = Column("string", "Account on it.", required=True)
    campaign = Column("string", "Campaign there.", required=True)
    audience = Column("string", "Audience of the ads; `everybody` where a campaign names none.", required=True)
    day = Column("date", "Day of the report.", days=HAPPENED, required=True)
    impressions = Column("bigint", "Impressions.", unit="impressions", at_least=0)
    clicks = Column("bigint", "Clicks.", unit="clicks", at_least=0)
    cost = Column(MONEY, "Money spent.", unit="currency", at_least=0)
    conversions = Column(MONEY, "Purchases, as reported by the platform, which may credit an ad with a part of one.",
                         unit="conversions", at_least=0)  # fmt: skip
    revenue = Column(MONEY, "Revenue, as reported by the platform.", unit="currency", at_least=0)
    currency = Column("string", "Currency of cost and revenue, as `EUR`; null for the retailer's own.")


class ItemBuyers(Table):
    """A customer who bought an item, and which kind of shopper he is on the day."""

    layer = "gold"
    personal = True
    keys = ("sku", "customer_id")
    event_time = "bought_at"

    sku = Column("string", "The item.", required=True, references="products")
    customer_id = Column("string", "The customer.", required=True)
    bought_at = Column("timestamp", "When he last bought it.", required=True)
    shopper = Column("string", "Kind of shopper that he is; null if unknown.",
                     values=("rational", "mixed", "impulsive"))  # fmt: skip


class ItemPaths(Table):
    """One item that a customer bought, and the looks at it and at others of its category in the 30 days before.

    Items without such a look are there if another one of their order was looked at.
    """

    layer = "gold"
    personal = True
    keys = ("source", "order_id", "line")
    event_time = "ordered_at"

    source = Column("string", "Feed of the line.", required=True)
    order_id = Column("string", "Order.", required=True)
    line = Column("bigint", "Number of the line.", required=True)
    customer_id = Column("string", "The customer.", required=True)
    ordered_at = Column("timestamp", "When it was ordered.", required=True)
    sku = Column("string", "The item.", required=True, references="products")
    first_look_at = Column("timestamp", "First look at the item, or at another size or colour of its style.")
    looks = Column(
        "bigint", "Looks at it: views, and times that it was put into the cart.", required=True, unit="looks"
    )
    compared = Column("bigint", "Other styles of its category that were looked at.", required=True, unit="styles")
    unplanned = Column(
        "boolean", "Whether it was added to the order without a look at it before; null for the item of the order that"
        " was looked at first, for which he came, and where nothing of the order was looked at.",
    )  # fmt: skip


class ReferralEvents(Table):
    """One visit by a page that a customer shared (引荐), or a purchase within 30 days of such a visit."""

    layer = "gold"
    personal = True
    keys = ("source", "referral_id")
    event_time = "at"
    person_columns = {"referred": "customer_id"}

    source = Column("string", "Feed of the event or order.", required=True)
    referral_id = Column("string", "Key of the event or order in that feed.", required=True)
    customer_id = Column("string", "The customer who shared the page.", required=True)
    kind = Column("string", "Whether somebody came, or bought.", required=True, values=("visit", "order"))
    at = Column("timestamp", "When.", required=True)
    referred = Column("string", "The customer who came; null for an unknown visitor.")
    referred_new = Column("boolean", "Whether that customer was new: nobody knew of the person before the visit's day.")
    sku = Column("string", "Item of the page.", references="products")
    order_id = Column("string", "The order.")
    channel = Column("string", "Channel of the order.")
    store = Column("string", "Store or shop of the order.", references="stores")
    amount = Column("decimal(18,2)", "What was paid with the order.", unit="currency")
