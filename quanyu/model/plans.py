"""Plans of campaigns: the arm of each customer, and the figures behind a plan."""

from __future__ import annotations

from quanyu.grammar.table import Column, Table
from quanyu.model.outcomes import CUSTOMER, DAY

CAMPAIGN = Column("string", "The campaign.", required=True, references="campaigns")


class Plans(Table):
    """The arm of a campaign that was planned for a customer before the campaign began, with the chance of that arm."""

    layer = "gold"
    owner = "growth"
    keys = ("campaign", "customer_id")
    forward_only = True

    campaign = CAMPAIGN
    customer_id = CUSTOMER
    arm = Column("string", "The arm: `control` gets nothing.", required=True)
    probability = Column("double", "Probability with which the customer got this arm, to be logged with the"
                         " assignment.", unit="probability", required=True, at_least=0, at_most=1)  # fmt: skip
    chances = Column("string", "Probability of each arm with which the customer could get it, such as"
                     " `control:0.5;mail:0.5`, to be logged with the assignment; null in a plan from before they"
                     " were written.")  # fmt: skip
    explored = Column("boolean", "Whether the arm was drawn at random, so that the next plan can learn.",
                      required=True)  # fmt: skip
    expected_gain = Column("double", "What the arm is expected to gain over the control, after its cost; null for an"
                           " arm that no past assignment tells of.", unit="currency")  # fmt: skip
    as_of = DAY


class PlanFigures(Table):
    """A figure of a campaign's plan, such as what it spends of a limit, or what it is worth on past assignments."""

    layer = "gold"
    owner = "growth"
    keys = ("campaign", "measure", "subject")
    forward_only = True

    campaign = CAMPAIGN
    measure = Column(
        "string", "`customers` planned for an arm, `drawn` to explore it, `used` of a limit, `gain` that is expected of"
        " the plan without exploration, `value` per customer on past assignments that nothing was learned from, of a"
        " way to plan, `over` that of the best single arm, or `verdict`.", required=True,
        values=("customers", "drawn", "used", "gain", "value", "over", "verdict"),
    )  # fmt: skip
    subject = Column("string", "Arm, limit or way to plan that it is about; empty for the whole plan.", required=True)
    value = Column("double", "The figure; null for words.", unit="unit of the measure")
    low = Column("double", "Lower bound of its interval of 95 %; null without one.", unit="unit of the measure")
    high = Column("double", "Upper bound of that interval.", unit="unit of the measure")
    most = Column("double", "What it can be at most: the limit, or the bound of the gain.", unit="unit of the measure")
    words = Column("string", "What is said of it, in words; null for nothing.")
    as_of = DAY
