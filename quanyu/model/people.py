"""Who is who: persons as sources know them, what names them, what they consented to, and the customers they become."""

from __future__ import annotations

from quanyu.table import BORN, HAPPENED, Column, Days, Table

KINDS = ("member", "phone", "email", "openid", "unionid", "external_userid", "nick", "ouid", "device", "national_id",
         "customer_no", "phone_sha256", "email_sha256", "phone_md5", "email_md5")  # fmt: skip


PURPOSES = ("ads", "messages", "analytics", "data_sharing")
# The one list of channels, of consents and messages alike; a consent may also be for `any` of them.
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

    display_name = Column("string", "Name as the source has it.", pii=True)
    given_name = Column("string", "Given name, where the source has it apart.", pii=True)
    family_name = Column("string", "Family name, where the source has it apart.", pii=True)
    gender = Column("string", "Gender as told.", values=("female", "male", "unknown"))
    birthday = Column("date", "Day of birth.", days=BORN, pii=True)
    birthday_told = Column("string", "Day of birth as the source tells it, where that may be no day at all.", pii=True)
    city = Column("string", "City of residence.")
    country = Column("string", "Country of residence.")
    region = Column("string", "Province or state of residence.")
    postcode = Column("string", "Postcode of residence.", pii=True)
    address = Column("string", "Street line of the residence.", pii=True)
    phone_masked = Column("string", "Phone with its middle digits hidden, where a platform shows no more.", pii=True)
    joined_on = Column("date", "Day on which the person joined or registered.", days=Days(BORN.since, beyond=366))
    tier = Column("string", "Tier of membership.")
    points = Column("bigint", "Points at hand.", unit="points")
    store = Column("string", "Store where the person joined.", refers="stores")
    guide = Column("string", "Employee who looks after the person.", refers="staff")
    merged_into = Column("string", "Number of the record into which the source merged this one.", pii=True)


class Identifiers(Table):
    """One identifier of a person, normalised. The only place where a clear key of a person stands."""

    layer = "silver"
    personal = True
    keys = ("person_key", "kind", "scope", "value")

    kind = Column("string", "What kind of identifier.", required=True, values=KINDS)
    scope = Column("string", "Where it is unique: a brand, an app id; empty for world-wide kinds.", required=True)
    value = Column("string", "Normalised value.", required=True, pii=True)


class Consents(Table):
    """What a person allowed or withdrew, for one purpose on one channel. No record means no.

    A file sent again without a withdrawal does not take it back: only a newer grant does.
    """

    layer = "silver"
    personal = True
    keys = ("person_key", "purpose", "channel", "changed_at", "state")
    happens = "changed_at"
    permanent = "state = 'withdrawn'"

    purpose = Column("string", "What it is for.", required=True, values=PURPOSES)
    channel = Column("string", "On which channel; any for all of them.", required=True,
                     values=(ANY, *CHANNELS))  # fmt: skip
    changed_at = Column("timestamp", "When it was given or withdrawn.", days=HAPPENED, required=True)
    state = Column("string", "Given or withdrawn.", required=True, values=("granted", "withdrawn"))
    evidence = Column("string", "Where it is on record.")


class Suppressions(Table):
    """An address, or a person, that must never be contacted, whatever anyone consents to (勿扰名单)."""

    layer = "silver"
    personal = True
    keys = ("person_key", "purpose", "channel")

    purpose = Column("string", "For which purpose; any for all of them.", required=True, values=(ANY, *PURPOSES))
    channel = Column("string", "On which channel; any for all of them.", required=True, values=(ANY, *CHANNELS))
    reason = Column("string", "Why it is on the list.")


class Attributes(Table):
    """What somebody else says of a person, under a licence and for a purpose (二方、三方数据)."""

    layer = "silver"
    personal = True
    keys = ("person_key", "attribute", "said_on", "value")

    attribute = Column("string", "What it is about.", required=True)
    value = Column("string", "What is said.", required=True)
    said_on = Column("date", "Day for which it is said.", days=HAPPENED, required=True)
    licence = Column("string", "Licence under which it may be held.", required=True)
    purpose = Column("string", "Purpose that it may serve: the customer's consent has to cover it.", required=True,
                     values=PURPOSES)  # fmt: skip


class Customers(Table):
    """One customer, as all sources together know them as of a day."""

    layer = "gold"
    keys = ("customer_id",)

    customer_id = Column("string", "The customer.", required=True)
    persons = Column("bigint", "Records of persons joined in this customer.", unit="records")
    sources = Column("array<string>", "Feeds that know the customer.")
    gender = Column("string", "Gender, from the source that wins.", wins=("crm",))
    city = Column("string", "City, from the source that wins.", wins=("crm",))
    country = Column("string", "Country, from the source that wins.", wins=("crm",))
    birth_year = Column("int", "Year of birth, from the source that wins.", unit="year", wins=("crm",))
    joined_on = Column("date", "First day on which any source knew the customer.")
    consents = Column(
        "array<string>",
        "Purposes and channels consented to, as `messages:email`: the strictest of all records that say anything.",
    )
    reachable_by = Column("array<string>", "Kinds of identifier by which the customer can be reached.")


class Activity(Table):
    """One thing that a customer did on any channel."""

    layer = "gold"
    keys = ("source", "activity_id")
    personal = True
    happens = "at"

    source = Column("string", "Feed that told it.", required=True)
    activity_id = Column("string", "Key of the act in that feed.", required=True)
    customer_id = Column("string", "Who; null where nobody is named.")
    kind = Column("string", "What was done.", required=True, values=("order", "return", "join", "cancel"))
    at = Column("timestamp", "When.", required=True)
    channel = Column("string", "On which channel.")
    amount = Column("decimal(18,2)", "Money that it moved, negative for returns.", unit="currency")


class CustomerAttributes(Table):
    """What others say of a customer whose consent covers the purpose, and about nobody else."""

    layer = "gold"
    keys = ("customer_id", "source", "attribute")

    customer_id = Column("string", "The customer.", required=True)
    source = Column("string", "Feed that says it.", required=True)
    attribute = Column("string", "What it is about.", required=True)
    value = Column("string", "What is said: the newest; nothing where the newest contradict each other.", required=True)
    said_on = Column("date", "Day for which it is said, two years before it was delivered at most.", required=True)
    licence = Column("string", "Licence under which it may be held.", required=True)
    purpose = Column("string", "Purpose that it may serve.", required=True, values=PURPOSES)
