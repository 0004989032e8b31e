"""What audiences are like: their trend, their profile against all others, their overlap, and who of them is reached."""

from __future__ import annotations

from quanyu.grammar.table import Column, Table
from quanyu.model.people import ANY, CHANNELS, PURPOSES, REACHABLE

ENTITY = Column("string", "What the audience is about, such as customer.", required=True)
AUDIENCE = Column("string", "Name of the audience.", required=True)
TAG = Column("string", "Tag, feature, score or attribute, as rules write it.", required=True)
DAY = Column("date", "Day at whose end this holds.", required=True)
BAND = Column("int", "Number of the band within its name, in order; 0 for those of whom no value is known.",
              unit="rank", required=True)  # fmt: skip
LABEL = Column("string", "The value, the range of a number, `others` or `unknown`.", required=True)


class AudienceTrends(Table):
    """Size of an audience on a day, who came and went, and how far its profile has moved."""

    layer = "gold"
    keys = ("entity", "audience", "day")
    forward_only = True
    owner = "growth"

    entity, audience, day = ENTITY, AUDIENCE, DAY
    size = Column("bigint", "Members at the end of the day.", unit="entities", required=True)
    entered = Column("bigint", "Members who entered on the day.", unit="entities", required=True)
    exited = Column("bigint", "Those who left on the day.", unit="entities", required=True)
    held_out = Column("bigint", "Members in the holdout of the audience.", unit="entities", required=True)
    entities = Column("bigint", "All entities of that kind; null for a day that was not run.", unit="entities")
    drift = Column("double", "Largest population stability index of a name against its reference day; null on a day"
                   " that was not run.", unit="index")  # fmt: skip
    drifted = Column("array<string>", "Names whose index is above 0.2 and above what chance gives, the worst first.")
    rule_digest = Column("string", "Hash of the rule that its members are of, and of what it depends on; null on a day"
                         " that was not run.")  # fmt: skip
    warned_from = Column("date", "First day on which its drift is warned of, four weeks after it was first described.")


class AudienceBands(Table):
    """The bands by which profiles are compared: a value, or a fifth of the entities by a number."""

    layer = "gold"
    keys = ("entity", "tag", "band")
    owner = "growth"

    entity, tag, band, label = ENTITY, TAG, BAND, LABEL
    low = Column("double", "Values of the band are above this; of days, since 1970. Null for the first band.",
                 unit="unit of the value")  # fmt: skip
    high = Column("double", "Values of the band are up to this. Null for the last band.", unit="unit of the value")
    entities = Column("bigint", "Entities in the band on the day.", unit="entities", required=True)
    share = Column("double", "Their share of all entities.", unit="ratio", required=True)
    cut_on = Column("date", "Day on which the bands of the name were cut.", required=True)
    day = DAY


class AudienceProfile(Table):
    """How many members of an audience are in a band of a name, against all entities."""

    layer = "gold"
    keys = ("entity", "audience", "tag", "band")
    owner = "growth"

    entity, audience, tag, band, label = ENTITY, AUDIENCE, TAG, BAND, LABEL
    members = Column("bigint", "Members in the band.", unit="entities", required=True)
    share = Column("double", "Their share of the audience.", unit="ratio", required=True)
    base_share = Column("double", "Share of all entities that are in the band.", unit="ratio", required=True)
    index = Column("double", "Target group index: 100 times the share over the base share; null where nobody is in the"
                   " band.", unit="index")  # fmt: skip
    p_value = Column("double", "Two-sided probability of a share as far off by chance (hypergeometric).",
                     unit="probability", required=True)  # fmt: skip
    q_value = Column("double", "The same after Benjamini and Hochberg's correction over all rows of the audience.",
                     unit="probability", required=True)  # fmt: skip
    significant = Column("boolean", "Whether fewer than 5 % of rows as unlikely as this are due to chance.",
                         required=True)  # fmt: skip
    follows_from_rule = Column("boolean", "Whether the rule names it, or its inputs: its index says little new.",
                               required=True)  # fmt: skip
    reference_members = Column("bigint", "Members in the band on the reference day.", unit="entities", required=True)
    reference_on = Column("date", "First day with this rule and these bands, which drift is measured against.",
                          required=True)  # fmt: skip
    day = DAY


class AudienceNumbers(Table):
    """Sum and mean of a number of the profile over the members of an audience, and its mean over all entities."""

    layer = "gold"
    keys = ("entity", "audience", "tag")
    owner = "growth"

    entity, audience, tag = ENTITY, AUDIENCE, TAG
    with_value = Column("bigint", "Members of whom the number is known.", unit="entities", required=True)
    total = Column("double", "Sum over them.", unit="unit of the value", required=True)
    mean = Column("double", "Mean over them; null where there are none.", unit="unit of the value")
    base_mean = Column("double", "Mean over all entities of which it is known.", unit="unit of the value")
    day = DAY


class AudienceOverlaps(Table):
    """How many members two audiences have in common; a row in each direction."""

    layer = "gold"
    keys = ("entity", "audience", "other")
    owner = "growth"

    entity, audience = ENTITY, AUDIENCE
    other = Column("string", "The other audience.", required=True)
    both = Column("bigint", "Members of both.", unit="entities", required=True)
    share = Column("double", "Share of the audience's members who are in the other one too.", unit="ratio",
                   required=True)  # fmt: skip
    jaccard = Column("double", "Members of both over members of either.", unit="ratio", required=True)
    day = DAY


class AudienceReach(Table):
    """How many members of an audience the consent gate answers how, by purpose and channel."""

    layer = "gold"
    keys = ("audience", "purpose", "channel", "answer")
    owner = "growth"

    audience = AUDIENCE
    purpose = Column("string", "What the gate was asked for.", required=True, values=PURPOSES)
    channel = Column("string", "On which channel; any for platforms of others.", required=True,
                     values=(ANY, *CHANNELS))  # fmt: skip
    answer = Column("string", "`reachable`, or why not: no consent, no address, or only suppressed addresses.",
                    required=True, values=(REACHABLE, "consent", "address", "barred"))  # fmt: skip
    members = Column("bigint", "Members with this answer.", unit="entities", required=True)
    treated = Column("bigint", "Those of them outside the holdout of the audience.", unit="entities", required=True)
    share = Column("double", "Share of the audience's members.", unit="ratio", required=True)
    day = DAY


class ProgrammeLift(Table):
    """What a programme brought: the outcome of all who were assigned to it against that of its holdout."""

    layer = "gold"
    keys = ("kind", "programme", "outcome")
    owner = "growth"

    kind = Column("string", "What it is: an audience, a journey, the exports of an audience, or all that is sent.",
                  required=True, values=("audience", "journey", "export", "everything"))  # fmt: skip
    programme = Column("string", "Its name, as `winback.meta` of an export, and `winback.all` of several, which share a"
                       " holdout; `everything` for all that is sent.", required=True)  # fmt: skip
    outcome = Column("string", "Whether they bought within the horizon, or what they spent then.", required=True,
                     values=("conversion", "spend"))  # fmt: skip
    horizon_days = Column("int", "Days after entry in which purchases count.", unit="days", required=True)
    assigned = Column("bigint", "Customers who entered, with a horizon that is over, and are not in the holdout.",
                      unit="customers", required=True)  # fmt: skip
    held_out = Column("bigint", "Those who are in the holdout.", unit="customers", required=True)
    mean = Column("double", "Share who bought, or mean spending, of the assigned; null without any.",
                  unit="ratio or currency")  # fmt: skip
    mean_held_out = Column("double", "The same of the holdout.", unit="ratio or currency")
    lift = Column("double", "Difference of both: what the programme brought for each customer.",
                  unit="ratio or currency")  # fmt: skip
    low = Column("double", "Lower end of its 95 % interval (Newcombe, Welch).", unit="ratio or currency")
    high = Column("double", "Upper end of it.", unit="ratio or currency")
    detectable = Column("double", "Smallest difference that so many customers show with a probability of 80 %.",
                        unit="ratio or currency")  # fmt: skip
    declared_share = Column("double", "Share of the holdout that is declared.", unit="ratio", required=True)
    split_p_value = Column("double", "Probability that chance splits them so far from it (chi-squared); below 0.001 the"
                           " lift is not to be trusted.", unit="probability")  # fmt: skip
    verdict = Column(
        "string", "What can be said.", required=True,
        values=("more", "less", "no difference shown", "not yet measurable", "split is wrong"),
    )  # fmt: skip
    day = DAY
