"""What is recorded of the catalogue: statistics of every tag and feature by day, and the history of definitions."""

from __future__ import annotations

from quanyu.grammar.table import Column, Table


class TagStatistics(Table):
    """Statistics of a tag, feature, score or attribute over all entities on a day."""

    layer = "gold"
    keys = ("entity", "tag", "day")
    forward_only = True

    entity = Column("string", "What it is known of, such as customer.", required=True)
    tag = Column("string", "Its name, as rules write it.", required=True)
    day = Column("date", "Day at whose end this holds.", required=True)
    definition_digest = Column("string", "Hash of what computed it on that day.", required=True)
    entities = Column("bigint", "All entities of the day.", unit="entities", required=True)
    with_value = Column("bigint", "Entities of which the value is known.", unit="entities", required=True)
    mean = Column("double", "Mean of a number or, for a truth value, share of those of which it holds.",
                  unit="unit of the value")  # fmt: skip
    quantiles = Column("array<double>", "Minimum, 5, 25, 50, 75, 95 % and maximum of a number; of a date, in days"
                       " since 1970.", unit="unit of the value")  # fmt: skip
    values = Column("array<string>", "Most frequent values of a text or truth value, the most frequent first.")
    counts = Column("array<bigint>", "Number of entities with each of these values.", unit="entities")
    reference_from = Column("date", "First day of the reference week, whose distribution drift is measured against.",
                            required=True)  # fmt: skip
    edges = Column("array<double>", "Upper ends of the bins of a number, fixed by the deciles of the reference week's"
                   " first day.", unit="unit of the value")  # fmt: skip
    bins = Column("array<bigint>", "Number of entities in each bin.", unit="entities")
    drift = Column("double", "Population stability index against the reference week; null until that is over.",
                   unit="index")  # fmt: skip
    drift_by_chance = Column("double", "Index that chance alone exceeds once in a thousand, with this many entities.",
                             unit="index")  # fmt: skip


class Definitions(Table):
    """What a declaration meant, from a day until another definition replaced it."""

    layer = "gold"
    keys = ("kind", "declaration", "valid_from")
    forward_only = True

    kind = Column("string", "Kind of declaration, such as tag or audience.", required=True)
    declaration = Column("string", "Its name, as rules write it.", required=True)
    valid_from = Column("date", "Day of the first run with this definition.", required=True)
    valid_to = Column("date", "Day of the first run without it; null while it is current.")
    digest = Column("string", "Hash of the text.", required=True)
    text = Column("string", "What was declared.", required=True)
