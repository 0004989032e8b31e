"""Persons in sources, their identifiers and consents, and the customers that they resolve to."""

from __future__ import annotations

from collections.abc import Mapping

from quanyu.grammar.table import BORN, HAPPENED, Column, Days, Table

KINDS = ("member", "phone", "email", "openid", "unionid", "external_userid", "nick", "ouid", "device", "national_id",
         "customer_no", "phone_sha256", "email_sha256", "phone_md5", "email_md5")  # fmt: skip

# Kinds of identifiers by which a customer can be reached.
CONTACT_KINDS = ("phone", "email", "openid", "external_userid")
PURPOSES = ("ads", "messages", "analytics", "data_sharing")
# Channels of consents and messages. A consent may also be for `any` channel.
CHANNELS = ("email", "sms", "phone", "wecom", "mini_program", "app_push")
ANY = "any"
# Channels on which an identifier of a kind is an address.
REACHES = {"email": ("email",), "phone": ("sms", "phone"), "external_userid": ("wecom",),
           "openid": ("mini_program",), "device": ("app_push",)}  # fmt: skip


class People(Table):
    """One record of a person in a source."""

    layer = "silver"
    personal = True
    keys = ("person_key",)

    display_name = Column("string", "Name in the source.", pii=True)
    given_name = Column("string", "Given name, if the source has it separately.", pii=True)
    family_name = Column("string", "Family name, if the source has it separately.", pii=True)
    gender = Column("string", "Gender in the source.", values=("female", "male", "unknown"))
    birthday = Column("date", "Day of birth.", days=BORN, pii=True)
    birthday_told = Column("string", "Day of birth as delivered, possibly not a valid day.", pii=True)
    city = Column("string", "City of residence.")
    country = Column("string", "Country of residence.")
    region = Column("string", "Province or state of residence.")
    postcode = Column("string", "Postcode of residence.", pii=True)
    address = Column("string", "Street line of the residence.", pii=True)
    phone_masked = Column("string", "Phone with masked middle digits, from platforms that show no more.", pii=True)
    joined_on = Column("date", "Day on which the person joined or registered.", days=Days(BORN.since, beyond=366))
    tier = Column("string", "Tier of membership.")
    points = Column("bigint", "Current points.", unit="points")
    store = Column("string", "Store where the person joined.", references="stores")
    guide = Column("string", "Employee who looks after the person.", references="staff")
    merged_into = Column("string", "Number of the record into which the source merged this one.", pii=True)


class Identifiers(Table):
    """One normalised identifier of a person. The only table with a person's keys in clear text."""

    layer = "silver"
    personal = True
    keys = ("person_key", "kind", "scope", "value")
    lineage = False

    kind = Column("string", "What kind of identifier.", required=True, values=KINDS)
    scope = Column("string", "Where it is unique: a brand, an app id; empty for world-wide kinds.", required=True)
    value = Column("string", "Normalised value.", required=True, pii=True)


class Consents(Table):
    """A person's consent, granted or withdrawn, for one purpose on one channel. No record means no consent.

    A resent file without a withdrawal does not revoke it: only a newer grant does.
    """

    layer = "silver"
    personal = True
    keys = ("person_key", "purpose", "channel", "changed_at", "state")
    event_time = "changed_at"
    permanent_where = "state = 'withdrawn'"

    purpose = Column("string", "What it is for.", required=True, values=PURPOSES)
    channel = Column("string", "On which channel; any for all of them.", required=True,
                     values=(ANY, *CHANNELS))  # fmt: skip
    changed_at = Column("timestamp", "When it was granted or withdrawn.", days=HAPPENED, required=True)
    state = Column("string", "Granted or withdrawn.", required=True, values=("granted", "withdrawn"))
    evidence = Column("string", "Reference to the record of it.")


class Suppressions(Table):
    """An address or person that must never be contacted, regardless of consents (勿扰名单)."""

    layer = "silver"
    personal = True
    keys = ("person_key", "purpose", "channel")

    purpose = Column("string", "For which purpose; any for all of them.", required=True, values=(ANY, *PURPOSES))
    channel = Column("string", "On which channel; any for all of them.", required=True, values=(ANY, *CHANNELS))
    reason = Column("string", "Why it is on the list.")


class Attributes(Table):
    """An attribute of a person from another party, under a licence and for a purpose (二方、三方数据)."""

    layer = "silver"
    personal = True
    keys = ("person_key", "attribute", "said_on", "value")

    attribute = Column("string", "Name of the attribute.", required=True)
    value = Column("string", "Value of the attribute.", required=True)
    said_on = Column("date", "Day for which it is valid.", days=HAPPENED, required=True)
    licence = Column("string", "Licence under which it may be stored.", required=True)
    purpose = Column("string", "Purpose for which it may be used: the customer's consent must cover it.", required=True,
                     values=PURPOSES)  # fmt: skip


class Customers(Table):
    """One customer, merged from all sources, as of a day."""

    layer = "gold"
    keys = ("customer_id",)

    customer_id = Column("string", "The customer.", required=True)
    persons = Column("bigint", "Number of records of this customer.", unit="records")
    sources = Column("array<string>", "Feeds with records of the customer.")
    gender = Column("string", "Gender, by survivorship.", survivorship=("crm",))
    city = Column("string", "City, by survivorship.", survivorship=("crm",))
    region = Column("string", "Province or state, by survivorship.", survivorship=("crm",))
    country = Column("string", "Country, by survivorship.", survivorship=("crm",))
    birth_year = Column("int", "Year of birth, by survivorship.", unit="year", survivorship=("crm",))
    gender_source = Column("string", "Feed with the record that the gender is from.")
    gender_confidence = Column("double", "Share of the records with a gender that say the same.", unit="share")
    gender_feeds = Column("bigint", "Feeds that say this gender; 0 if it is not known.", unit="feeds")
    city_source = Column("string", "Feed with the record that the city is from.")
    city_confidence = Column("double", "Share of the records with a city that say the same.", unit="share")
    city_feeds = Column("bigint", "Feeds that say this city; 0 if it is not known.", unit="feeds")
    region_source = Column("string", "Feed with the record that the region is from.")
    region_confidence = Column("double", "Share of the records with a region that say the same one.", unit="share")
    region_feeds = Column("bigint", "Feeds that say this province or state; 0 if it is not known.", unit="feeds")
    birth_year_source = Column("string", "Feed with the record that the year of birth is from.")
    birth_year_confidence = Column(
        "double", "Share of the records with a year of birth that say the same.", unit="share"
    )
    birth_year_feeds = Column("bigint", "Feeds that say this year of birth; 0 if it is not known.", unit="feeds")
    joined_on = Column("date", "First day on which any source had the customer.")
    consents = Column(
        "array<string>",
        "Purposes and channels with consent, as `messages:email`: the strictest of all records.",
    )
    reachable_by = Column("array<string>", "Kinds of identifier by which the customer can be reached.")


# What a customer does, and what is done to him.
ACTS = {
    "order": "placed an order or was handed a receipt",
    "return": "gave something back, by a receipt or by lines of an order",
    "cancel": "an order that was cancelled",
    "join": "became known to a source: registered, or joined as a member",
    "view": "looked at a page",
    "search": "searched",
    "cart": "put an item into the cart",
    "pay": "paid in an app; the order is an act of its own and has the amount",
    "share": "shared a page",
    "scan": "scanned a code, in a store or on an item",
    "signup": "signed up for an offline activity (报名)",
    "checkin": "came to it (签到)",
    "presale": "paid in advance there (预售)",
    "contact_added": "became a contact of an employee",
    "contact_deleted": "deleted the employee as a contact",
    "group_joined": "joined a chat group",
    "group_quit": "left it",
    "review": "reviewed an item",
    "service_chat": "began a chat with customer service",
    "complaint": "complained",
    "message_opened": "opened a message",
    "message_clicked": "clicked in it",
    "message_replied": "replied to it",
    "message_unsubscribed": "unsubscribed by it",
    "message_complained": "reported it as spam",
}
OTHERS_ACTS = {
    "message_sent": "a message was sent to the customer",
    "message_delivered": "it arrived",
    "message_bounced": "it did not arrive",
    "contact_removed": "an employee deleted the customer as a contact",
}


def _listed(acts: Mapping[str, str]) -> str:
    return "; ".join(f"{kind}: {meaning}" for kind, meaning in acts.items())


class Activity(Table):
    """One thing that a customer did on any channel, or that was done to one."""

    layer = "gold"
    keys = ("source", "activity_id")
    personal = True
    event_time = "at"

    source = Column("string", "Feed of the act.", required=True)
    activity_id = Column("string", "Key of the act in that feed.", required=True)
    customer_id = Column("string", "The customer. Acts of unknown persons are in silver alone.", required=True)
    kind = Column("string", f"Kind of act. By the customer: {_listed(ACTS)}. By others: {_listed(OTHERS_ACTS)}.",
                  required=True, values=(*ACTS, *OTHERS_ACTS))  # fmt: skip
    by_customer = Column("boolean", "Whether the customer did it; false for a message that was sent.", required=True)
    at = Column("timestamp", "When.", required=True)
    channel = Column(
        "string", "Where: channel of the order, app of the event, channel of the message; null if unknown."
    )
    amount = Column("decimal(18,2)", "Paid with an order or in a presale; negative for returns.", unit="currency")
    sku = Column("string", "Item, where the act has exactly one.", references="products")
    order_id = Column("string", "Order that it is or is about.")
    campaign = Column("string", "Campaign of the message, or credited with the order.", references="campaigns")
    store = Column("string", "Store or shop.", references="stores")
    outlet = Column("string", "Outlet (终端) of another company.", references="outlets")


class CustomerAttributes(Table):
    """An attribute from another party of a customer whose consent covers the purpose."""

    layer = "gold"
    keys = ("customer_id", "source", "attribute")

    customer_id = Column("string", "The customer.", required=True)
    source = Column("string", "Feed of the attribute.", required=True)
    attribute = Column("string", "Name of the attribute.", required=True)
    value = Column("string", "Newest value. No row if the newest values contradict each other.", required=True)
    said_on = Column("date", "Day for which it is valid, at most two years before its delivery.", required=True)
    licence = Column("string", "Licence under which it may be stored.", required=True)
    purpose = Column("string", "Purpose for which it may be used.", required=True, values=PURPOSES)


# Answer of the gate about somebody whom it lets be contacted; the others are why not.
REACHABLE = "reachable"


class ConsentAnswers(Table):
    """What the consent gate answers of a customer, as of the day: whether and why not, without any address."""

    layer = "gold"
    owner = "legal"
    keys = ("customer_id", "purpose", "channel")

    customer_id = Column("string", "The customer.", required=True)
    purpose = Column("string", "What was asked for.", required=True, values=PURPOSES)
    channel = Column("string", "On which channel; any for platforms of others.", required=True,
                     values=(ANY, *CHANNELS))  # fmt: skip
    answer = Column(
        "string", "`reachable`, or why not: `consent` for no consent or an objection, `address` for no address of the"
        " kind, `barred` for addresses of which each is suppressed.", required=True,
        values=(REACHABLE, "consent", "address", "barred"),
    )  # fmt: skip
