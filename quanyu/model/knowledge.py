"""Reviews, service chats, complaints, offline activities and made-to-order tickets.

Texts are in tables of their own, so that facts can be retained and read where texts cannot.
"""

from __future__ import annotations

from quanyu.grammar.table import HAPPENED, MONEY, PLANNED, Column, Table

TEXT = Column("string", "What was written, word for word.", pii=True)


class Reviews(Table):
    """One review of an item."""

    layer = "silver"
    owner = "service"
    personal = True
    keys = ("review_id",)
    event_time = "at"

    review_id = Column("string", "Key of the review.", required=True)
    at = Column("timestamp", "When.", days=HAPPENED, required=True)
    order_id = Column("string", "Reviewed order.")
    sku = Column("string", "Reviewed item.", references="products")
    stars = Column("int", "Stars given.", unit="stars", at_least=1, at_most=5)
    images = Column("int", "Pictures added.", unit="pictures", at_least=0)


class ReviewTexts(Table):
    """The text of a review."""

    layer = "silver"
    owner = "service"
    personal = True
    keys = ("review_id",)

    review_id = Column("string", "Key of the review.", required=True)
    text = TEXT


class ServiceChats(Table):
    """One turn of a chat with customer service."""

    layer = "silver"
    owner = "service"
    personal = True
    keys = ("chat_id", "turn")
    person_columns = {"agent": "staff"}
    event_time = "at"

    chat_id = Column("string", "Key of the chat.", required=True)
    turn = Column("int", "Number of the turn.", required=True)
    at = Column("timestamp", "When.", days=HAPPENED, required=True)
    speaker = Column("string", "Who spoke.", required=True, values=("customer", "agent"))
    agent = Column("string", "Employee who answers.")


class ServiceTexts(Table):
    """The text of one turn."""

    layer = "silver"
    owner = "service"
    personal = True
    keys = ("chat_id", "turn")

    chat_id = Column("string", "Key of the chat.", required=True)
    turn = Column("int", "Number of the turn.", required=True)
    text = TEXT


class Complaints(Table):
    """One complaint in its current state, with the employee in charge."""

    layer = "silver"
    owner = "service"
    personal = True
    keys = ("complaint_id",)
    person_columns = {"in_hand_of": "staff"}
    event_time = "at"
    sequence_by = "updated_at"

    complaint_id = Column("string", "Key of the complaint.", required=True)
    at = Column("timestamp", "When it was made.", days=HAPPENED, required=True)
    channel = Column("string", "Where it was made.")
    store = Column("string", "Store that it is about.", references="stores")
    in_hand_of = Column("string", "Employee in charge.")
    status = Column("string", "State.", required=True, values=("open", "handed_on", "closed"))
    updated_at = Column("timestamp", "When the state last changed.", days=HAPPENED, required=True)


class ComplaintTexts(Table):
    """The text of a complaint."""

    layer = "silver"
    owner = "service"
    personal = True
    keys = ("complaint_id",)

    complaint_id = Column("string", "Key of the complaint.", required=True)
    text = TEXT


class Activities(Table):
    """One offline activity."""

    layer = "silver"
    owner = "retail"
    keys = ("activity",)

    activity = Column("string", "Key of the activity.", required=True)
    activity_name = Column("string", "Name.")
    kind = Column("string", "Kind.", values=("salon", "trial", "presale", "family_day"))
    store = Column("string", "Where.", references="stores")
    starts_at = Column("timestamp", "When it begins.", days=PLANNED)
    capacity = Column("int", "Places.", unit="people", at_least=0)


class ActivityPeople(Table):
    """A step of a person in an activity. Steps may be missing or out of order, as delivered."""

    layer = "silver"
    owner = "retail"
    personal = True
    keys = ("activity", "person_key", "step")
    event_time = "at"

    activity = Column("string", "The activity.", required=True, references="activities")
    step = Column("string", "The step.", required=True, values=("signup", "checkin", "presale"))
    at = Column("timestamp", "When.", days=HAPPENED, required=True)
    amount = Column(MONEY, "Money paid in advance.", unit="currency")


class Tickets(Table):
    """A stage that a made-to-order piece (定制) reached. Stages may be missing or out of order."""

    layer = "silver"
    owner = "service"
    personal = True
    keys = ("ticket", "stage")
    event_time = "at"

    ticket = Column("string", "Number of the ticket.", required=True)
    stage = Column("string", "The stage.", required=True,
                   values=("design", "quote", "production", "shipped", "installed"))  # fmt: skip
    at = Column("timestamp", "When it was reached.", days=HAPPENED, required=True)
    amount = Column(MONEY, "Price, if known.", unit="currency")
    store = Column("string", "Store that sold it.", references="stores")
    item = Column("string", "What is made.")
