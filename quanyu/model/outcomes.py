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
