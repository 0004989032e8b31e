"""One ID: who is which customer, what happened to ids, what people decided, and what the next day builds upon."""

from __future__ import annotations

from quanyu.table import Column, Table


class Identities(Table):
    """The customer that a person of a source is. Its commit publishes an identity state."""

    layer = "gold"
    keys = ("source", "person_key", "valid_from")
    forward_only = True

    source = Column("string", "Feed of the person.", required=True)
    person_key = Column("string", "Opaque key of the person in that source.", required=True)
    customer_id = Column("string", "The customer.", required=True)
    valid_from = Column("date", "First day of this assignment.", required=True)
    valid_to = Column("date", "Day on which another assignment replaced it; null while it holds.")


class IdentityEvents(Table):
    """What happened to customer ids: minted, joined, merged, split, with the cause. Source data: kept for good."""

    layer = "gold"
    keys = ("number",)
    forward_only = True

    number = Column("bigint", "Position in the log, from 0.", required=True)
    day = Column("date", "Day of the run that decided it.", required=True)
    event = Column("string", "What happened.", required=True, values=("mint", "join", "merge", "split"))
    customer_id = Column("string", "The id that goes on.", required=True)
    other_id = Column("string", "The id that the person had before; it ended (merge), or went on without them (split).")
    source = Column("string", "Feed of the person concerned.", required=True)
    person_key = Column("string", "Person concerned.", required=True)
    person = Column("bigint", "Number of the record: a hash of source and person_key.", unit="hash")
    cause = Column("string", "What decided it: a rule, likeness, a verdict, a link that ended or a limit that was met.")


class IdentityDays(Table):
    """What a day's run found and changed: how stable ids are, over time."""

    layer = "gold"
    keys = ("day",)

    day = Column("date", "Day of the run, or one that it took before its own.", required=True)
    records = Column("bigint", "Records that show anything of a person.", unit="records")
    customers = Column("bigint", "Customers that they are.", unit="customers")
    minted = Column("bigint", "Ids minted.", unit="ids")
    merged = Column("bigint", "Ids that ended in a merge.", unit="ids")
    split = Column("bigint", "Ids that came out of a split.", unit="ids")
    moved = Column("bigint", "Records whose id changed.", unit="records")
    largest = Column("bigint", "Records of the largest customer.", unit="records")
    hubs = Column("bigint", "Values that join nobody since too many show them.", unit="values")
    pairs = Column("bigint", "Pairs of records compared anew.", unit="pairs")
    match_rate = Column("double", "Estimated chance that two records of all are one person.", unit="share")


class IdentityVerdicts(Table):
    """What a steward decided of two records. Source data: kept for good; the newest of a pair counts."""

    layer = "gold"
    keys = ("number",)

    number = Column("bigint", "Position in the log, from 0.", required=True)
    decided_at = Column("timestamp", "When it was decided.", required=True)
    verdict = Column("string", "Whether they are one person; open takes an earlier verdict back.", required=True,
                     values=("same", "different", "open"))  # fmt: skip
    a_source = Column("string", "Feed of the one record.", required=True)
    a_key = Column("string", "Opaque key of the one record.", required=True)
    b_source = Column("string", "Feed of the other record.", required=True)
    b_key = Column("string", "Opaque key of the other record.", required=True)
    why = Column("string", "Why, in the steward's words.", required=True)
    by = Column("string", "Who decided.")


class IdentityReviews(Table):
    """Two records of different customers that may be one person: the stewards' work list, likeliest first."""

    layer = "gold"
    keys = ("a_source", "a_key", "b_source", "b_key")

    a_source = Column("string", "Feed of the one record.", required=True)
    a_key = Column("string", "Opaque key of the one record.", required=True)
    b_source = Column("string", "Feed of the other record.", required=True)
    b_key = Column("string", "Opaque key of the other record.", required=True)
    probability = Column(
        "double",
        "Probability that they are one person, on the day it was first listed; null for names of two persons.",
        unit="share",
    )
    reason = Column("string", "Why they are not linked: the band of review, or what forbids it.")


class IdentityAside(Table):
    """An identifier of a record that joins nobody, and why: a dummy, a number of the house, a hub, an open name."""

    layer = "gold"
    keys = ("source", "person_key", "kind", "value_hash")

    source = Column("string", "Feed of the record.", required=True)
    person_key = Column("string", "Opaque key of the record.", required=True)
    kind = Column("string", "Kind of identifier.", required=True)
    value_hash = Column("bigint", "Keyed hash of kind, scope and value.", required=True, unit="hash")
    reason = Column("string", "Why it is set aside.", required=True)


class IdentifierRefusals(Table):
    """How many rows of a feed showed an identifier that was refused, and why; the value stays in bronze alone."""

    layer = "gold"
    keys = ("source", "day", "kind", "reason")

    source = Column("string", "Feed of the rows.", required=True)
    day = Column("date", "Day of the feed.", required=True)
    kind = Column("string", "Kind of identifier that the feed's declaration takes it for.", required=True)
    reason = Column("string", "Why it names nobody.", required=True,
                    values=("placeholder", "digits are lost", "masked", "no valid value of its kind",
                            "names many people"))  # fmt: skip
    rows = Column("bigint", "Rows that showed such a value.", unit="rows")


class IdentifierCrowds(Table):
    """A value that named many people in a feed and names nobody there since, by its keyed hash. Kept for good."""

    layer = "gold"
    keys = ("source", "value_key")

    source = Column("string", "Feed of the rows.", required=True)
    value_key = Column("string", "The person_key that the value would give.", required=True)
    kind = Column("string", "Kind of identifier.", required=True)
    scope = Column("string", "Scope of the identifier.", required=True)
    since = Column("date", "Day of the run that noticed it.", required=True)


class IdentityCuts(Table):
    """A link that was cut because a limit forbids what it joins: appended on the day it is met first."""

    layer = "gold"
    keys = ("a_source", "a_key", "b_source", "b_key", "rule", "reason")

    day = Column("date", "Day of the run that cut it.", required=True)
    a_source = Column("string", "Feed of the record.", required=True)
    a_key = Column("string", "Opaque key of the record.", required=True)
    b_source = Column("string", "Feed of the other record; empty where it was cut from a shared value.", required=True)
    b_key = Column("string", "Opaque key of the other record; empty likewise.", required=True)
    rule = Column("string", "Rule of the link.", required=True)
    reason = Column("string", "What it would have broken.", required=True)


class IdentityModels(Table):
    """A trained model of likeness, pinned by its version."""

    layer = "gold"
    keys = ("version",)

    version = Column("bigint", "Number, from 1.", required=True)
    trained_on = Column("date", "Day whose records it was trained on.", required=True)
    records = Column("bigint", "Records it was trained on.", unit="records")
    pairs = Column("bigint", "Pairs that were candidates on that day.", unit="pairs")
    parameters = Column("string", "m and u by comparison and level, as JSON.", required=True)


class IdentityTerms(Table):
    """How common a value is among records, by the version of the model; by hash, and only of what several have."""

    layer = "gold"
    keys = ("version", "term", "value_hash")

    version = Column("bigint", "Version of the model.", required=True)
    term = Column("string", "What the value is.", required=True)
    value_hash = Column("bigint", "Keyed hash of the value.", required=True, unit="hash")
    share = Column("double", "Share of the records that have it.", required=True, unit="share")


class IdentityRecords(Table):
    """What the last run knew of a record, in numbers: the newest row of a record counts. It can be computed again."""

    layer = "gold"
    keys = ("person", "written")

    person = Column("bigint", "Number of the record: a hash of source and person_key.", required=True, unit="hash")
    raw = Column("bigint", "Hash of all that is compared.", required=True, unit="hash")
    called = Column("bigint", "Keyed hash of the whole name; 0 for none.", required=True, unit="hash")
    block_keys = Column("array<bigint>", "Keyed hash per block; 0 for none.", required=True, unit="hash")
    mark = Column("bigint", "Hash of all that the weights of its pairs hang on.", required=True, unit="hash")
    standing = Column("bigint", "Blocks that it stands in, those that are too large left out, in bits.", unit="bits")
    batch = Column("bigint", "Run in which its pairs were scored last.", required=True, unit="run")
    sign = Column("bigint", "Hash of all that its cluster hangs on.", required=True, unit="hash")
    written = Column("bigint", "Run that wrote this row.", required=True, unit="run")


class IdentityPairs(Table):
    """Likeness of two records above the model's floor; current while no record of it was scored later."""

    layer = "gold"
    keys = ("a", "b", "batch")

    a = Column("bigint", "Number of the one record, the smaller.", required=True, unit="hash")
    b = Column("bigint", "Number of the other record.", required=True, unit="hash")
    levels = Column("bigint", "Levels of all comparisons, four bits each.", required=True, unit="levels")
    weight = Column("double", "Sum of the weights.", unit="bits", required=True)
    weights = Column("array<double>", "Weight of each comparison.", unit="bits", required=True)
    batch = Column("bigint", "Run that scored it.", required=True, unit="run")


class IdentityProposals(Table):
    """What a run would have changed that was stopped at the gate; replaced by the next run that is stopped."""

    layer = "gold"
    keys = ("number",)

    number = Column("bigint", "Position in the log that it would have had.", required=True)
    day = Column("date", "Day of the run.", required=True)
    event = Column("string", "What would have happened.", required=True)
    customer_id = Column("string", "The id that would go on.", required=True)
    other_id = Column("string", "The id that the person has now.")
    source = Column("string", "Feed of the person concerned.", required=True)
    person_key = Column("string", "Person concerned.", required=True)
    cause = Column("string", "What decided it.")
    difference = Column("string", "Hash by which the whole difference may be accepted.", required=True)
    reasons = Column("string", "Bands that it leaves, with the figures.", required=True)


class IdentityAcceptances(Table):
    """A difference beyond the gate that a person looked at and let pass. Source data: kept for good."""

    layer = "gold"
    keys = ("number",)

    number = Column("bigint", "Position in the log, from 0.", required=True)
    accepted_at = Column("timestamp", "When.", required=True)
    difference = Column("string", "Hash of the events accepted.", required=True)
    why = Column("string", "Why, in that person's words.", required=True)
    by = Column("string", "Who accepted.")
