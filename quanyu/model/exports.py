"""What was sent to advertising platforms, how audiences stand there, what they brought, and purchases reported."""

from __future__ import annotations

from quanyu.grammar.table import HAPPENED, MONEY, Column, Table

CUSTOMERS, ORDERS, CURRENCY = "customers", "orders", "currency"
# In the place of one account: all accounts to which an audience goes, and platforms, where these are several.
ALL, SEVERAL = "all", "several"
RATIO = "decimal(18,4)"


class ExportSets(Table):
    """A value that is on a platform, or may be there: who it is of, and what is still to be done with it.

    A row is written before its value is sent and deleted after the platform has confirmed that it is gone, so that
    whatever may be on the platform is known whenever a run ends.
    """

    layer = "gold"
    keys = ("export", "identifier", "value")
    forward_only = True
    owner = "growth"

    export = Column("string", "Audience and account, as `loyal_seed.meta`.", required=True)
    identifier = Column("string", "Identifier, as `phone` or `device:idfa`.", required=True)
    value = Column("string", "Value in the platform's form, mostly a hash.", required=True, pii=True)
    customer_id = Column("string", "The customer whose value it is; the first by id where several share it.",
                         required=True)  # fmt: skip
    address_hash = Column("string", "Keyed hash of the address it is made of.", required=True, pii=True)
    state = Column(
        "string",
        "Whether it is on its way (adding), there, being withdrawn (removing), or refused by the platform.",
        required=True,
        values=("adding", "there", "removing", "refused"),
    )
    batch = Column("string", "Key of the batch that carried it last, or refused/ROWS after one of so many rows that"
                             " refused its withdrawal; null before the first.")  # fmt: skip
    earlier_batch = Column("string", "Key of a batch that may still add it after the one that withdraws it.")
    since = Column("date", "Day since which it is in this state.", required=True)


class AudienceStatus(Table):
    """What a platform said of an audience when it was asked."""

    layer = "gold"
    keys = ("export", "asked_on")
    owner = "growth"

    export = Column("string", "Audience and account, as `loyal_seed.meta`.", required=True)
    asked_on = Column("date", "Day of the run that asked.", required=True)
    platform = Column("string", "The platform.", required=True)
    account = Column("string", "The account, by its declaration's name.", required=True)
    audience = Column("string", "The audience.", required=True)
    state = Column("string", "How far the platform is.", required=True,
                   values=("prepared", "uploaded", "parsing", "published", "usable", "failed"))  # fmt: skip
    words = Column("string", "What somebody must do, if anything.")
    sent = Column("bigint", "Values that are on the platform by its receipts.", required=True, unit="values")
    matched = Column("bigint", "Persons whom the platform matched.", unit="persons")
    usable = Column("bigint", "Persons whom campaigns can reach.", unit="persons")
    match_rate = Column("double", "Share of those sent whom the platform matched.", unit="share")
    expires_on = Column("date", "Day on which the platform ends the audience if nothing changes.")


class AudienceCounts(Table):
    """How many members of an audience a platform knows on a day, as a person read it there (回填)."""

    layer = "silver"
    owner = "growth"
    keys = ("platform", "account", "audience", "day")
    event_time = "day"

    platform = Column("string", "The platform.", required=True)
    account = Column("string", "Account on it.", required=True)
    audience = Column("string", "Our name of the audience.", required=True)
    day = Column("date", "Day on which it was read.", days=HAPPENED, required=True)
    matched = Column("bigint", "Members whom the platform found.", unit=CUSTOMERS, at_least=0, required=True)
    usable = Column("bigint", "Those of them whom ads can reach; null if it does not say.", unit=CUSTOMERS, at_least=0)


class ExportResults(Table):
    """What ads to an audience cost and brought up to a day, on one account or on all: claimed, and beyond the holdout.

    Counts reach from `since` to `day`. Members count from the day after they entered, whether or not they were sent,
    since the holdout is a random part of all of them (intent to treat); own amounts are net of returns. Columns of the
    holdout's comparison are null where `says` tells why.
    """

    layer = "gold"
    keys = ("day", "audience", "platform", "account", "currency")
    event_time = "day"
    overwrite_by = "day"
    owner = "growth"

    day = Column("date", "Day at whose end this is valid.", required=True)
    audience = Column("string", "Audience of the ads, as the platform was told.", required=True)
    platform = Column("string", "The platform; `several` for an audience as a whole on several.", required=True)
    account = Column("string", "Account on it; `all` for the audience as a whole.", required=True)
    currency = Column("string", "Currency of what the platform reports.", required=True)
    export = Column("string", "Export of the audience to the account; null where none of ours is declared.")
    rule_hash = Column("string", "Hash of the audience's definition on the day; null for one that is not ours.")
    since = Column("date", "First day of its ads, or of the 90 days up to `day`.", required=True)
    impressions = Column("bigint", "Impressions.", unit="impressions", required=True)
    clicks = Column("bigint", "Clicks.", unit="clicks", required=True)
    cost = Column(MONEY, "Money spent.", unit=CURRENCY, required=True)
    conversions = Column(MONEY, "Purchases that the platform claims.", unit="conversions", required=True)
    revenue = Column(MONEY, "Revenue that the platform claims.", unit=CURRENCY, required=True)
    matched = Column("bigint", "Members whom the platform last said to have found.", unit=CUSTOMERS)
    usable = Column("bigint", "Those of them whom ads can reach.", unit=CUSTOMERS)
    exported = Column("bigint", "Customers who were in the sent set.", unit=CUSTOMERS)
    exported_orders = Column("bigint", "Their purchases from the day after they were sent.", unit=ORDERS)
    exported_revenue = Column(MONEY, "What they spent then.", unit=CURRENCY)
    members = Column("bigint", "Members outside the holdout.", unit=CUSTOMERS)
    member_orders = Column("bigint", "Their purchases.", unit=ORDERS)
    member_revenue = Column(MONEY, "What they spent.", unit=CURRENCY)
    holdout = Column("bigint", "Members of the holdout.", unit=CUSTOMERS)
    holdout_orders = Column("bigint", "Their purchases.", unit=ORDERS)
    holdout_revenue = Column(MONEY, "What they spent.", unit=CURRENCY)
    incremental_orders = Column(RATIO, "Purchases of members beyond those that the holdout's mean gives.", unit=ORDERS)
    incremental_orders_low = Column(RATIO, "Lower bound of the same with 95 %.", unit=ORDERS)
    incremental_orders_high = Column(RATIO, "Upper bound of the same with 95 %.", unit=ORDERS)
    incremental_revenue = Column(MONEY, "Spending of members beyond what the holdout's mean gives.", unit=CURRENCY)
    incremental_revenue_low = Column(MONEY, "Lower bound of the same with 95 %.", unit=CURRENCY)
    incremental_revenue_high = Column(MONEY, "Upper bound of the same with 95 %.", unit=CURRENCY)
    cost_per_conversion = Column(RATIO, "Cost of a purchase that the platform claims.", unit="currency per order")
    cost_per_incremental = Column(RATIO, "Cost of an incremental purchase; null where there is none.",
                                  unit="currency per order")  # fmt: skip
    claimed_return = Column(RATIO, "Claimed revenue per cost.", unit="times")
    incremental_return = Column(RATIO, "Incremental revenue per cost.", unit="times")
    incremental_return_low = Column(RATIO, "Lower bound of the same with 95 %.", unit="times")
    incremental_return_high = Column(RATIO, "Upper bound of the same with 95 %.", unit="times")
    says = Column("string", "What the numbers show, in words.", required=True)


class ExportConversions(Table):
    """One purchase that was reported to an account: each once, of a customer who then consented to ads.

    One that `failed` for a reason that passes is reported again by the next run; a `rejected` one is not.
    """

    layer = "gold"
    keys = ("account", "order_key")
    forward_only = True
    owner = "growth"

    account = Column("string", "Name of the account's file.", required=True)
    order_key = Column("string", "Hash of feed and order, by which the platform knows it.", required=True)
    customer_id = Column("string", "The customer.", required=True)
    sent_on = Column("date", "Day of the run that reported it.", required=True)
    status = Column("string", "What the platform said of it.", required=True,
                    values=("sent", "pending", "rejected", "failed"))  # fmt: skip
    handle = Column("string", "What the platform calls its batch.")
    place = Column("bigint", "Its place in the batch, from 0; null in homes of older releases.", unit="place")
    reason = Column("string", "Why it was rejected or failed, as the platform names it.")
