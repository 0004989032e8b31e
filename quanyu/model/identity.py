"""One ID: identities, the log of customer ids, stewards' decisions, and the state of identity resolution."""

from __future__ import annotations

from quanyu.grammar.table import Column, Table


class Identities(Table):
    """The customer of a person in a source. A commit publishes a new identity state."""

    layer = "gold"
    keys = ("source", "person_key", "valid_from")
    forward_only = True

    source = Column("string", "Feed of the person.", required=True)
    person_key = Column("string", "Opaque key of the person in that source.", required=True)
    customer_id = Column("string", "The customer.", required=True)
    valid_from = Column("date", "First day of this assignment.", required=True)
    valid_to = Column("date", "Day on which another assignment replaced it; null while it is current.")


class IdentityEvents(Table):
    """An event of a customer id (mint, join, merge, split) with its cause. Source data: retained permanently."""

    layer = "gold"
    keys = ("number",)
    person_columns = {"other_id": "customer_id", "person": "record"}
    forward_only = True

    number = Column("bigint", "Position in the log, from 0.", required=True)
    day = Column("date", "Day of the run that decided it.", required=True)
    event = Column("string", "What happened.", required=True, values=("mint", "join", "merge", "split"))
    customer_id = Column("string", "The id that continues.", required=True)
    other_id = Column("string", "The person's id before; it ended (merge), or continues without the person (split).")
    source = Column("string", "Feed of the person concerned.", required=True)
    person_key = Column("string", "Person concerned.", required=True)
    person = Column("bigint", "Number of the record: a hash of source and person_key.", unit="hash")
    cause = Column("string", "What decided it: a rule, a match, an override, a link that ended, or a limit.")


class IdentityDays(Table):
    """Figures of identity resolution in a day's run: size, changes and stability of ids."""

    layer = "gold"
    keys = ("day",)

    day = Column("date", "Day of the run, or an earlier day that it processed first.", required=True)
    records = Column("bigint", "Records with any data of a person.", unit="records")
    customers = Column("bigint", "Customers of these records.", unit="customers")
    minted = Column("bigint", "Ids minted.", unit="ids")
    merged = Column("bigint", "Ids that ended in a merge.", unit="ids")
    split = Column("bigint", "Ids that a split created.", unit="ids")
    moved = Column("bigint", "Records whose id changed.", unit="records")
    largest = Column("bigint", "Records of the largest customer.", unit="records")
    hubs = Column("bigint", "Values that join nobody, since too many records share them (hubs).", unit="values")
    pairs = Column("bigint", "Pairs of records that were compared.", unit="pairs")
    match_rate = Column("double", "Estimated probability that two random records are one person.", unit="share")


class IdentityVerdicts(Table):
    """A steward's decision about two records; the newest of a pair is valid. Source data: retained permanently."""

    layer = "gold"
    keys = ("number",)
    person_columns = {"a_key": "person_key", "b_key": "person_key"}

    number = Column("bigint", "Position in the log, from 0.", required=True)
    decided_at = Column("timestamp", "When it was decided.", required=True)
    verdict = Column("string", "Whether they are one person; open revokes an earlier decision.", required=True,
                     values=("same", "different", "open"))  # fmt: skip
    a_source = Column("string", "Feed of the one record.", required=True)
    a_key = Column("string", "Opaque key of the one record.", required=True)
    b_source = Column("string", "Feed of the other record.", required=True)
    b_key = Column("string", "Opaque key of the other record.", required=True)
    why = Column("string", "The steward's reason.", required=True)
    by = Column("string", "Who decided.")


class IdentityReviews(Table):
    """Two records of different customers that may be one person: the stewards' review list, most probable first."""

    layer = "gold"
    keys = ("a_source", "a_key", "b_source", "b_key")
    person_columns = {"a_key": "person_key", "b_key": "person_key"}

    a_source = Column("string", "Feed of the one record.", required=True)
    a_key = Column("string", "Opaque key of the one record.", required=True)
    b_source = Column("string", "Feed of the other record.", required=True)
    b_key = Column("string", "Opaque key of the other record.", required=True)
    probability = Column(
        "double",
        "Probability that they are one person, on the day it was first listed; null for names of two persons.",
        unit="share",
    )
    reason = Column("string", "Why they are not linked: their score is in the review band, or a limit forbids it.")


class IdentityAside(Table):
    """An identifier that joins nobody, and why: a placeholder, the retailer's own number, a hub, an unclear name."""

    layer = "gold"
    keys = ("source", "person_key", "kind", "value_hash")

    source = Column("string", "Feed of the record.", required=True)
    person_key = Column("string", "Opaque key of the record.", required=True)
    kind = Column("string", "Kind of identifier.", required=True)
    value_hash = Column("bigint", "Keyed hash of kind, scope and value.", required=True, unit="hash")
    reason = Column("string", "Why it is ignored.", required=True)


class IdentifierRefusals(Table):
    """Number of rows of a feed with a refused identifier, by reason. The value itself is only in bronze."""

    layer = "gold"
    keys = ("source", "day", "kind", "reason")

    source = Column("string", "Feed of the rows.", required=True)
    day = Column("date", "Day of the feed.", required=True)
    kind = Column("string", "Kind of identifier in the feed's declaration.", required=True)
    reason = Column("string", "Why it identifies nobody.", required=True,
                    values=("placeholder", "digits are lost", "masked", "no valid value of its kind",
                            "names many people"))  # fmt: skip
    rows = Column("bigint", "Rows with such a value.", unit="rows")


class IdentifierCrowds(Table):
    """A value, as a keyed hash, that too many people of a feed share to identify one. Retained permanently."""

    layer = "gold"
    keys = ("source", "value_key")
    person_columns = {"value_key": "person_key"}

    source = Column("string", "Feed of the rows.", required=True)
    value_key = Column("string", "The person_key that the value would have.", required=True)
    kind = Column("string", "Kind of identifier.", required=True)
    scope = Column("string", "Scope of the identifier.", required=True)
    since = Column("date", "Day of the run that detected it.", required=True)


class IdentityCuts(Table):
    """A link that was cut since the joined records would break a limit. Appended once, on the first day."""

    layer = "gold"
    keys = ("a_source", "a_key", "b_source", "b_key", "rule", "reason")
    person_columns = {"a_key": "person_key", "b_key": "person_key"}

    day = Column("date", "Day of the run that cut it.", required=True)
    a_source = Column("string", "Feed of the record.", required=True)
    a_key = Column("string", "Opaque key of the record.", required=True)
    b_source = Column(
        "string", "Feed of the other record; empty if the record was cut from a shared value.", required=True
    )
    b_key = Column(
        "string", "Opaque key of the other record; empty if the record was cut from a shared value.", required=True
    )
    rule = Column("string", "Rule of the link.", required=True)
    reason = Column("string", "Limit that the link would break.", required=True)


class IdentityModels(Table):
    """A trained match model (Fellegi-Sunter), identified by its version."""

    layer = "gold"
    keys = ("version",)

    version = Column("bigint", "Number, from 1.", required=True)
    trained_on = Column("date", "Day of the records that it was trained on.", required=True)
    records = Column("bigint", "Records it was trained on.", unit="records")
    pairs = Column("bigint", "Candidate pairs on that day.", unit="pairs")
    parameters = Column("string", "m and u by comparison and level, as JSON.", required=True)


class IdentityTerms(Table):
    """Term frequency of a value, by keyed hash and model version. Only values of several records are stored."""

    layer = "gold"
    keys = ("version", "term", "value_hash")

    version = Column("bigint", "Version of the model.", required=True)
    term = Column("string", "Kind of the value.", required=True)
    value_hash = Column("bigint", "Keyed hash of the value.", required=True, unit="hash")
    share = Column("double", "Share of the records with the value.", required=True, unit="share")


class IdentityRecords(Table):
    """State of a record after the last run, as hashes. The newest row of a record is valid. Can be computed again."""

    layer = "gold"
    keys = ("person", "written")
    person_columns = {"person": "record"}

    person = Column("bigint", "Number of the record: a hash of source and person_key.", required=True, unit="hash")
    raw = Column("bigint", "Hash of all compared fields.", required=True, unit="hash")
    called = Column("bigint", "Keyed hash of the full name; 0 for none.", required=True, unit="hash")
    block_keys = Column("array<bigint>", "Keyed hash per block; 0 for none.", required=True, unit="hash")
    mark = Column("bigint", "Hash of all inputs of its pairs' weights.", required=True, unit="hash")
    standing = Column("bigint", "Bit mask of its blocks, without those that are too large.", unit="bits")
    batch = Column("bigint", "Run in which its pairs were scored last.", required=True, unit="run")
    sign = Column("bigint", "Hash of all inputs of its cluster.", required=True, unit="hash")
    written = Column("bigint", "Run that wrote this row.", required=True, unit="run")


class IdentityPairs(Table):
    """Match score of two records, if above the model's floor. Current unless one of them was scored later."""

    layer = "gold"
    keys = ("a", "b", "batch")
    person_columns = {"a": "record", "b": "record"}

    a = Column("bigint", "Number of the one record, the smaller.", required=True, unit="hash")
    b = Column("bigint", "Number of the other record.", required=True, unit="hash")
    levels = Column("bigint", "Levels of all comparisons, four bits each.", required=True, unit="levels")
    weight = Column("double", "Sum of the weights.", unit="bits", required=True)
    weights = Column("array<double>", "Weight of each comparison.", unit="bits", required=True)
    batch = Column("bigint", "Run that scored it.", required=True, unit="run")


class IdentityProposals(Table):
    """Changes of a run that the gate stopped, until a later run passes the gate."""

    layer = "gold"
    keys = ("number",)
    person_columns = {"other_id": "customer_id"}

    number = Column("bigint", "Position in the log that it would have had.", required=True)
    day = Column("date", "Day of the run.", required=True)
    event = Column("string", "Event of the customer id.", required=True)
    customer_id = Column("string", "The id that would continue.", required=True)
    other_id = Column("string", "The id that the person has now.")
    source = Column("string", "Feed of the person concerned.", required=True)
    person_key = Column("string", "Person concerned.", required=True)
    cause = Column("string", "What decided it.")
    difference = Column("string", "Hash of the whole difference, to accept it by.", required=True)
    reasons = Column("string", "Limits that it exceeds, with the figures.", required=True)


class IdentityAcceptances(Table):
    """A difference beyond the gate that a person accepted. Source data: retained permanently."""

    layer = "gold"
    keys = ("number",)

    number = Column("bigint", "Position in the log, from 0.", required=True)
    accepted_at = Column("timestamp", "When it was accepted.", required=True)
    difference = Column("string", "Hash of the events accepted.", required=True)
    why = Column("string", "The person's reason.", required=True)
    by = Column("string", "Who accepted.")
