"""What comes of it: scores, memberships, exports and journeys."""

from __future__ import annotations

from quanyu.table import Column, Table

DAY = Column("date", "Day at whose end this is known.", required=True)
CUSTOMER = Column("string", "The customer.", required=True)


class Scores(Table):
    """What a model says of a customer as of a day."""

    layer = "gold"
    keys = ("model", "customer_id", "as_of")
    slice_by = "as_of"
    owner = "ml"

    model = Column("string", "Name of the model.", required=True)
    customer_id = CUSTOMER
    as_of = DAY
    score = Column("double", "Calibrated probability.", unit="probability", required=True, at_least=0, at_most=1)
    version = Column("string", "Version of the model in its registry.", required=True)


class Memberships(Table):
    """A customer's stay in an audience: entered, and left where it is over."""

    layer = "gold"
    keys = ("audience", "customer_id", "entered_on")
    forward_only = True
    owner = "growth"

    audience = Column("string", "Name of the audience.", required=True)
    customer_id = CUSTOMER
    entered_on = Column("date", "Day on which the customer came in.", required=True)
    left_on = Column("date", "Day on which the customer was out again; null while in.")
    holdout = Column("boolean", "Held out from every treatment, to measure it.", required=True)


class ExportMembers(Table):
    """What an export holds of a member since a day: an address that was sent, or nothing, and why."""

    layer = "gold"
    keys = ("export", "customer_id", "kind", "address_hash", "status", "since")
    forward_only = True
    owner = "growth"

    export = Column("string", "Audience and platform, as `loyal_seed.drop`.", required=True)
    customer_id = CUSTOMER
    kind = Column("string", "Kind of the address; empty where it concerns all of them.", required=True)
    address_hash = Column("string", "Keyed hash of the address; empty where it concerns all of them.", required=True,
                          pii=True)  # fmt: skip
    status = Column(
        "string", "Whether it is in the set that was delivered.", required=True, values=("sent", "withheld")
    )
    reason = Column("string", "Why it is withheld.")
    since = Column("date", "Day from which on this stands.", required=True)
    until = Column("date", "Day from which on it stood no more; null while it does.")


class JourneyInstances(Table):
    """One walk of a customer through a journey."""

    layer = "gold"
    keys = ("instance_id",)
    forward_only = True
    owner = "growth"

    instance_id = Column("string", "Hash of journey, customer and entry.", required=True)
    journey = Column("string", "Name of the journey.", required=True)
    customer_id = Column("string", "The customer whose record it is today.", required=True)
    entered_on = Column("date", "Day on which the customer entered the audience.", required=True)
    step = Column("int", "Position in the flattened steps at which it stands.", required=True)
    due_on = Column("date", "Day on which it goes on.", required=True)
    status = Column("string", "Going on, or how it ended.", required=True, values=("active", "ended"))
    outcome = Column("string", "Name of the end that was reached.")
    moved_on = Column("date", "Day on which it last moved.", required=True)
    audience = Column("string", "Audience that the customer came into; null for walks begun before it was noted.")
    source = Column("string", "Feed of the record that the walk belongs to, the first one of who entered.")
    person_key = Column("string", "Opaque key of that record; its customer is looked up anew every day.")


class Decisions(Table):
    """What a journey decided for an instance at a step: a message to plan, held back or not, or a branch taken."""

    layer = "gold"
    keys = ("instance_id", "step")
    forward_only = True
    owner = "growth"

    instance_id = Column("string", "The walk.", required=True)
    step = Column("int", "Position of the step.", required=True)
    journey = Column("string", "Name of the journey.", required=True)
    customer_id = CUSTOMER
    decided_on = Column("date", "Day of the decision.", required=True)
    decision = Column(
        "string", "What was decided.", required=True, values=("message", "held", "then", "otherwise", "end")
    )
    reason = Column("string", "Why, in a few words.")


class Deliveries(Table):
    """What became of one decided message, as the outbox knew it last: what was handed to a server is always here."""

    layer = "gold"
    keys = ("key",)
    forward_only = True
    owner = "growth"

    key = Column("string", "Key of the message in the outbox: the walk and the step.", required=True)
    journey = Column("string", "Name of the journey.", required=True)
    instance_id = Column("string", "The walk.", required=True)
    step = Column("int", "Position of the step.", required=True)
    customer_id = CUSTOMER
    channel = Column("string", "Channel that it was planned for.", required=True)
    template = Column("string", "Name of its text.", required=True)
    planned_on = Column("date", "Day of the run that planned it.", required=True)
    due_on = Column("date", "Day on which its step was due.", required=True)
    expires_on = Column("date", "Last day on which it may go out; null for none.")
    status = Column("string", "What became of it.", required=True,
                    values=("planned", "announced", "sending", "sent", "rejected", "unknown", "held", "expired",
                            "cancelled", "closed"))  # fmt: skip
    reason = Column("string", "Why, without addresses.")
    note = Column("string", "What a person decided of it, when, and why.")
    attempts = Column("int", "Times that it was handed to the channel.", unit="attempts", required=True)
    address_kind = Column("string", "Kind of identifier that it went to.")
    address_hash = Column("string", "Keyed hash of the address that it went to.")
    day = Column("date", "Day of the run that wrote this row.", required=True)
    at = Column("timestamp", "When this last changed.", required=True)
    revision = Column("int", "Number of changes since it was planned.", unit="changes", required=True)
    home = Column("string", "Name of the home that decided it.", required=True)
