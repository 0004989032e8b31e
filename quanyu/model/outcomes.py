"""Results: scores, audience memberships, exports and journeys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from quanyu.errors import ConfigError, Problem
from quanyu.grammar.declaration import file_of
from quanyu.grammar.entity import Entity
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.table import Column, Table
from quanyu.grammar.tags import profile_column

DAY = Column("date", "Day at whose end this is valid.", required=True)
CUSTOMER = Column("string", "The customer.", required=True)


def score_columns(models: Iterable[type[ModelSpec]]) -> dict[str, Column]:
    """Columns of the scores of all models of an entity, each null in the rows of models whose task lacks it.

    Raises ConfigError where two tasks mean different things by one name.
    """
    columns: dict[str, Column] = {}
    for spec in models:
        for name, column in spec.score_columns().items():
            if columns.setdefault(name, column) != column:
                message = f"{name!r} of its scores means something else in the task of another model"
                raise ConfigError(Problem(file_of(spec), f"{spec.name}.task", message))
    return columns


_SCORES: dict[tuple[Any, ...], type[Table]] = {}


def scores_of(entity: type[Entity], columns: Mapping[str, Column]) -> type[Table]:
    """The table of what models say of an entity as of a day, with these columns: one class for each such table."""
    key = (entity.name, *columns.items())
    if key not in _SCORES:
        _SCORES[key] = _scores(entity, columns)
    return _SCORES[key]


def _scores(entity: type[Entity], columns: Mapping[str, Column]) -> type[Table]:
    body: dict[str, Any] = {
        "__doc__": f"What a model says of {entity.plural(2)} as of a day.", "__module__": __name__, "layer": "gold",
        "keys": ("model", entity.key, "as_of"), "overwrite_by": "as_of", "owner": "ml",
        "model": Column("string", "Name of the model.", required=True), entity.key: entity.key_column(), "as_of": DAY,
        **columns, "version": Column("string", "Version of the model in its registry.", required=True),
    }  # fmt: skip
    return type(f"Scores_{entity.name}", (Table,), body)


_TRAINING: dict[str, type[Table]] = {}


def training_of(entity: type[Entity]) -> type[Table]:
    """The table of the rows that models of an entity learned from and were tested on: one class for each entity."""
    if entity.name not in _TRAINING:
        _TRAINING[entity.name] = _training(entity)
    return _TRAINING[entity.name]


def _training(entity: type[Entity]) -> type[Table]:
    body: dict[str, Any] = {
        "__doc__": f"Rows of {entity.plural(2)} of each model's newest training; its past versions have older ones.",
        "__module__": __name__, "layer": "gold", "keys": ("model", entity.key, "cutoff", "campaign"), "owner": "ml",
        "model": Column("string", "Name of the model.", required=True), entity.key: entity.key_column(),
        "cutoff": Column("date", "Day as of which the features are known.", required=True),
        "campaign": Column("string", "Campaign that assigned it; empty for rows of a cutoff.", required=True),
        "use": Column("string", "What the row was for.", required=True, values=("training", "test")),
        "label": Column("double", "Outcome in the horizon after the cutoff.", unit="unit of the label"),
        "features": Column("array<double>", "Values in the order of the features that the version's record names."),
        "trained_on": Column("date", "Day of the training.", required=True),
    }  # fmt: skip
    return type(f"Training_{entity.name}", (Table,), body)


def profile_of(entity: type[Entity], names: Mapping[str, Column]) -> type[Table]:
    """The table of all that is known of an entity today; `names` maps what rules may name to columns."""
    body: dict[str, Any] = {
        "__doc__": f"Attributes, features, scores and tags of {entity.plural(2)}, one current row each.",
        "__module__": __name__, "layer": "gold", "keys": (entity.key,), "owner": "data",
        entity.key: entity.key_column(), "as_of": DAY,
        **{profile_column(name): _of_profile(column) for name, column in names.items()},
    }  # fmt: skip
    return type(f"Profile_{entity.name}", (Table,), body)


def _of_profile(column: Column) -> Column:
    """A column of a profile: optional, and with the choice among records, which the profile depends on."""
    kind, about, unit = column.type, column.about, column.unit
    return Column(
        kind, about, unit=unit, survivorship=column.survivorship, strictest=column.strictest, trait=column.trait
    )


_MEMBERSHIPS: dict[str, type[Table]] = {}


def memberships_of(entity: type[Entity]) -> type[Table]:
    """The table of who is in which audience about an entity: one class for each entity."""
    if entity.name not in _MEMBERSHIPS:
        _MEMBERSHIPS[entity.name] = _memberships(entity)
    return _MEMBERSHIPS[entity.name]


def _memberships(entity: type[Entity]) -> type[Table]:
    word = entity.plural(1)
    body: dict[str, Any] = {
        "__doc__": f"The membership of {entity.plural(2)} in audiences, a row from entry to exit.",
        "__module__": __name__, "layer": "gold", "keys": ("audience", entity.key, "entered_on"), "forward_only": True,
        "owner": "growth", "audience": Column("string", "Name of the audience.", required=True),
        entity.key: entity.key_column(),
        "entered_on": Column("date", f"Day on which the {word} entered.", required=True),
        "left_on": Column("date", f"Day on which the {word} left; null for a current member."),
        "holdout": Column("boolean", "In the control group, which gets no treatment.", required=True),
    }  # fmt: skip
    return type(f"Memberships_{entity.name}", (Table,), body)


class AudienceDays(Table):
    """An audience as it was evaluated on a day, and the versions from which it can be evaluated so again."""

    layer = "gold"
    keys = ("audience", "day")
    owner = "growth"

    audience = Column("string", "The audience.", required=True)
    day = Column("date", "Day as of which it was evaluated.", required=True)
    entity = Column("string", "What it is about.", required=True)
    definition_digest = Column("string", "Hash of its definition and of those that it depends on.", required=True)
    members = Column("bigint", "Its members.", unit="members", required=True)
    holdout = Column("bigint", "Members in its holdout.", unit="members", required=True)
    members_digest = Column("string", "Hash of the members, whatever their order.", required=True)
    tables = Column("array<string>", "Tables that it was evaluated from, each as `gold/NAME@version`.")
    models = Column("array<string>", "Models whose scores it depends on, each as `NAME@version`.")
    fit = Column("string", "Of a lookalike, the fit that its members are of, as JSON: `day`, the `seed` chosen by"
                 " `lifts`, `base` (who might be found), `threshold` (the least score found), `learner`, `random_state`"
                 " and `meaning`, a hash of the definitions.")  # fmt: skip


class ExportMembers(Table):
    """State of a member in an export since a day: an address that was sent, or withheld with the reason."""

    layer = "gold"
    keys = ("export", "customer_id", "kind", "address_hash", "status", "since")
    forward_only = True
    owner = "growth"

    export = Column("string", "Audience and platform, as `loyal_seed.drop`.", required=True)
    customer_id = CUSTOMER
    kind = Column("string", "Kind of the address; empty for all addresses.", required=True)
    address_hash = Column("string", "Keyed hash of the address; empty for all addresses.", required=True,
                          pii=True)  # fmt: skip
    status = Column("string", "Whether it is in the delivered set.", required=True, values=("sent", "withheld"))
    reason = Column("string", "Why it is withheld.")
    since = Column("date", "First day of this state.", required=True)
    until = Column("date", "Day on which this state ended; null while it is current.")


class JourneyInstances(Table):
    """One instance of a journey: a customer on the way through its steps."""

    layer = "gold"
    keys = ("instance_id",)
    forward_only = True
    owner = "growth"

    instance_id = Column("string", "Hash of journey, customer and entry.", required=True)
    journey = Column("string", "Name of the journey.", required=True)
    customer_id = Column("string", "Current customer of the instance's record.", required=True)
    entered_on = Column("date", "Day on which the customer entered the audience.", required=True)
    step = Column("int", "Current position in the flattened steps.", required=True)
    due_on = Column("date", "Day on which it continues.", required=True)
    status = Column("string", "State of the instance.", required=True, values=("active", "ended"))
    outcome = Column("string", "Name of the end that it reached.")
    moved_on = Column("date", "Day on which it last moved.", required=True)
    audience = Column("string", "Audience that the customer entered; null for instances of older releases.")
    source = Column("string", "Feed of the instance's record: the first record of the customer at entry.")
    person_key = Column("string", "Opaque key of that record; its customer is looked up every day.")


class Decisions(Table):
    """A journey's decision for an instance at a step: a message to plan or hold, or a branch."""

    layer = "gold"
    keys = ("instance_id", "step")
    forward_only = True
    owner = "growth"

    instance_id = Column("string", "The journey's instance.", required=True)
    step = Column("int", "Position of the step.", required=True)
    journey = Column("string", "Name of the journey.", required=True)
    customer_id = CUSTOMER
    decided_on = Column("date", "Day of the decision.", required=True)
    decision = Column(
        "string", "What was decided.", required=True, values=("message", "held", "then", "otherwise", "end")
    )
    reason = Column("string", "Why, in a few words.")


class Deliveries(Table):
    """Delivery status of one message, as last recorded in the outbox. Every message handed to a server is here."""

    layer = "gold"
    keys = ("key",)
    forward_only = True
    owner = "growth"

    key = Column("string", "Key of the message in the outbox: instance and step.", required=True)
    journey = Column("string", "Name of the journey.", required=True)
    instance_id = Column("string", "The journey's instance.", required=True)
    step = Column("int", "Position of the step.", required=True)
    customer_id = CUSTOMER
    channel = Column("string", "Planned channel.", required=True)
    template = Column("string", "Name of its text.", required=True)
    planned_on = Column("date", "Day of the run that planned it.", required=True)
    due_on = Column("date", "Day on which its step was due.", required=True)
    expires_on = Column("date", "Last day on which it may be sent; null for none.")
    status = Column("string", "Delivery status.", required=True,
                    values=("planned", "announced", "sending", "sent", "rejected", "unknown", "held", "expired",
                            "cancelled", "closed"))  # fmt: skip
    reason = Column("string", "Why, without addresses.")
    note = Column("string", "A person's decision about it: what, when and why.")
    attempts = Column("int", "Number of attempts to send it.", unit="attempts", required=True)
    address_kind = Column("string", "Kind of identifier that it was sent to.")
    address_hash = Column("string", "Keyed hash of the address that it was sent to.")
    day = Column("date", "Day of the run that wrote this row.", required=True)
    at = Column("timestamp", "When this last changed.", required=True)
    revision = Column("int", "Number of changes since it was planned.", unit="changes", required=True)
    home = Column("string", "Name of the home that decided it.", required=True)
