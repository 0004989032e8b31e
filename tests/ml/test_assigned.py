"""Rows of campaigns: arms as drawn, features of the day before, outcomes from the draw on."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from histories import MEMBERS, OWN, PRODUCTS
from shop import Retailer, template
from small_day import RECEIPTS

from ml.lifecycle import learning
from ml.lifecycle.frames.assigned import assigned, cutoffs_of, known_cutoffs
from ml.lifecycle.train import TooLittleDataError
from ml.tasks.binary_classification import BinaryClassification
from ml.tasks.uplift import Uplift
from quanyu import discover
from quanyu.config.settings import load_settings
from quanyu.errors import ConfigError
from quanyu.grammar.model_spec import AnyOf, Cutoffs, ModelSpec
from quanyu.grammar.offers.assignments import CampaignAssignments
from quanyu.model.entities import Customer
from quanyu.run.runner import Context

DAYS = [date(2024, 3, day) for day in range(1, 6)]
ASSIGNMENTS = """
describes: Who was drawn into which arm, by card or by phone.
owner: growth
reads: {path: "assignments/{day}.csv", format: csv}
delivers: events
freshness: none
person:
  - {kind: member, scope: brand, value: card}
  - {kind: phone, value: phone}
fills:
  assignments: {campaign: campaign, arm: arm, probability: "try_cast(probability as double)", assigned_at: at}
"""
# Nobody knew M9 before its draw. P4 is the phone of M4, so that they are two records of one customer.
CARDS = ("M1", "M2", "M3", "M4", "M6")
DRAWN = {
    DAYS[1]: [
        ("C1", "M1", "mail", "0.75"), ("C1", "M2", "control", "0.25"), ("C1", "M3", "mail", ""),
        ("C1", "M4", "mail", "0.75"), ("C1", "P4", "control", "0.25"), ("C1", "M9", "mail", "0.75"),
        ("C1", "M6", "mail", "0.75"), ("C2", "M4", "mail", "0.5"), ("C2", "P4", "mail", "0.5"),
    ],
    DAYS[3]: [("C3", "M1", "control", "0.5"), ("C3", "M9", "mail", "0.5"), ("C4", "M2", "mail", "")],
}  # fmt: skip
BOUGHT = {DAYS[0]: ["M1", "M2", "M3", "M4"], DAYS[1]: ["M2"], DAYS[2]: ["M1", "M9"], DAYS[3]: [], DAYS[4]: ["M1"]}


class Answers(ModelSpec):
    """Buys within two days of a draw, of who has bought before."""

    entity, owner, population = Customer, "growth", "ever.lines > 0"
    label = AnyOf("orders", horizon_days=2)
    task = BinaryClassification()
    features = ("ever.lines",)
    cutoffs = Cutoffs(history_days=0)
    experiment = CampaignAssignments()


class Mails(Answers):
    """Of those who got a mail."""

    name = "answers"
    experiment = CampaignAssignments(where="arm <> 'control'")


class Plain(Answers):
    """Without campaigns."""

    name, experiment = "answers", None


def campaigns(folder: Path) -> None:
    shop = Retailer(folder)
    sources = {"members": MEMBERS, "products": PRODUCTS, "receipts": RECEIPTS, "assignments": ASSIGNMENTS}
    for name, text in sources.items():
        shop.declare(f"sources/{name}.yml", text)
    shop.declare("features/own.py", OWN)
    members = "\n".join(f"{card},{phone(card)},{card}" for card in CARDS)
    shop.land(f"members/{DAYS[0]}.csv", f"card,phone,name\n{members}\n")
    shop.land(f"products/{DAYS[0]}.csv", "sku,category\nA0,home\n")
    for day in DAYS:
        receipts = [f"{day}-{card},{card},,{day} 12:00:00,A0,1.00" for card in BOUGHT[day]]
        shop.land(f"receipts/{day}.csv", "\n".join(["slip,card,phone,at,sku,paid", *receipts]) + "\n")
        draws = "\n".join(f"{campaign},{who(record)},{arm},{chance},{day} 09:00:00"
                          for campaign, record, arm, chance in DRAWN.get(day, []))  # fmt: skip
        shop.land(f"assignments/{day}.csv", f"campaign,card,phone,arm,probability,at\n{draws}\n")
    for day in (DAYS[0], DAYS[1], DAYS[4]):
        shop.run(str(day), *(f"ingest.{name}" for name in sources), "identities", "customers")
    shop.close()


def phone(record):
    return f"1376543210{record[1:]}"


def who(record):
    """Card and phone of a draw: one of both."""
    return f",{phone(record)}" if record.startswith("P") else f"{record},"


@pytest.fixture(scope="module")
def drawn() -> Iterator[Context]:
    shop = Retailer.at(template("campaigns", campaigns))
    yield shop.context(str(DAYS[4]))
    shop.close()


def rows_of(context, spec, since=DAYS[0], until=DAYS[4]):
    rows = assigned(context, spec, since, until).rows
    columns = ["campaign", "cutoff", "arm", "probability", "ever.lines", "label"]
    return sorted(rows[columns].itertuples(index=False, name=None), key=str)


def test_a_row_is_a_customer_of_a_campaign_as_of_the_day_before(drawn):
    assert rows_of(drawn, Answers) == [
        # M2 bought on the day of the draw, M1 on the next; M6 never bought, and M9 was nobody's record the day before.
        ("C1", DAYS[0], "control", 0.25, 1, 1),
        ("C1", DAYS[0], "mail", 0.75, 1, 1),
        # Both records of M4 and M5 were drawn into the same arm: one row.
        ("C2", DAYS[0], "mail", 0.5, 1, 0),
        ("C3", DAYS[2], "control", 0.5, 2, 1),
        ("C3", DAYS[2], "mail", 0.5, 1, 0),
    ]


def test_what_is_left_out_is_told(drawn):
    notes = assigned(drawn, Answers, DAYS[0], DAYS[4]).notes
    assert [str(note) for note in notes] == [
        "2 of 12 assignments left out: no probability was logged",
        "1 customer left out of a campaign: drawn into more than one of its arms",
        "1 assignment left out: nobody knew of the person the day before",
        "1 assignment left out: not there, or not of the population, the day before",
    ]
    assert notes[0].chinese == "12 条分组记录中剔除 2 条：没有记录分组概率"


def test_rows_are_of_the_days_and_the_condition_that_are_asked_for(drawn):
    assert [row[0] for row in rows_of(drawn, Answers, DAYS[2])] == ["C3", "C3"]
    assert [row[0] for row in rows_of(drawn, Answers, DAYS[1], DAYS[1])] == ["C1", "C1", "C2"]
    assert [row[:3] for row in rows_of(drawn, Mails, DAYS[3])] == [("C3", DAYS[2], "mail")]


def test_the_test_is_the_newest_campaign_and_training_ends_before_it(drawn):
    assert cutoffs_of(drawn, Answers) == ([DAYS[0]], DAYS[2])


def test_a_campaign_without_a_logged_probability_is_no_test(drawn):
    class Others(Answers):
        """Of two campaigns: nobody logged the probabilities of the newer one."""

        name, experiment = "answers", CampaignAssignments(where="campaign in ('C2', 'C4')")

    assert cutoffs_of(drawn, Others) == ([], DAYS[0])


def test_without_a_row_to_test_on_nothing_is_trained(drawn):
    with pytest.raises(TooLittleDataError, match="answers: no row to test on from 2024-03-04 on"):
        learning.learn(drawn, Answers, [DAYS[0]], DAYS[3])


def test_campaigns_without_a_control_are_left_out_of_the_rows_and_the_cutoffs_of_an_uplift(drawn):
    class Added(Answers):
        """What a message adds."""

        name, task = "answers", Uplift()

    assert cutoffs_of(drawn, Added) == ([DAYS[0]], DAYS[2])
    learned = learning.rows_of(drawn, Added, [DAYS[0]], DAYS[2])
    assert sorted(set(learned.rows["campaign"])) == ["C1", "C3"] and set(learned.rows["arms"]) == {2}
    assert str(learned.notes[-1]).startswith("1 assignment of C2 left out: all rows are of the control, or none is")

    class Mailed(Added):
        """Of messages alone, which are compared with nobody."""

        name, experiment = "answers", CampaignAssignments(where="arm <> 'control'")

    with pytest.raises(TooLittleDataError, match="no campaign has logged probabilities that allow to learn from it"):
        learning.periods(drawn, Mailed)
    assert set(assigned(drawn, Mailed, DAYS[0], DAYS[4]).rows["arms"]) == {1, 2}


def test_cutoffs_of_draws_whose_outcome_is_known(drawn):
    assert known_cutoffs(drawn, Answers, DAYS[0]) == [DAYS[0], DAYS[2]]
    assert known_cutoffs(drawn, Mails, DAYS[1]) == [DAYS[2]]


def test_a_draw_whose_horizon_is_not_over_is_no_row_yet(drawn):
    class Longer(Answers):
        """Buys within three days."""

        label = AnyOf("orders", horizon_days=3)

    assert {row[0] for row in rows_of(drawn, Longer)} == {"C1", "C2"}
    assert cutoffs_of(drawn, Longer) == ([], DAYS[0])
    assert known_cutoffs(drawn, Longer, DAYS[0]) == [DAYS[0]]


WRONG = """
from ml.tasks.binary_classification import BinaryClassification
from quanyu import discover
from quanyu.config.settings import load_settings
from quanyu.errors import ConfigError
from quanyu.grammar.model_spec import AnyOf, Baseline, MetricGate, ModelSpec
from quanyu.grammar.offers.assignments import CampaignAssignments
from quanyu.model.entities import Customer, Product

class Wrong(ModelSpec):
    \"\"\"Learns from what are no assignments.\"\"\"
    entity, owner, population = Customer, "growth", "value.orders > 0"
    label = AnyOf("orders", horizon_days=30)
    task = BinaryClassification()
    features = ("value.orders",)
    baseline = Baseline("value.orders", "more")
    gates = (MetricGate("auc", at_least=0.6),)
    experiment = CampaignAssignments(over="orders", test_campaigns=0)

class Unknown(Wrong):
    \"\"\"Learns from a table that is not there.\"\"\"
    experiment = CampaignAssignments(over="assignment")

class Things(Wrong):
    \"\"\"Of items, with a condition that names nothing.\"\"\"
    entity, population, features, baseline = Product, "product_sales.pieces > 0", ("product_sales.pieces",), Baseline(
        "product_sales.pieces", "more")
    label = AnyOf("order_lines", horizon_days=30)
    experiment = CampaignAssignments(where="campaigns.gaol = 'x'")
"""


def test_an_experiment_that_names_no_assignments_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "ml").mkdir()
    (tmp_path / "base.yml").write_text("")
    (tmp_path / "ml" / "wrong.py").write_text(WRONG)
    with pytest.raises(ConfigError) as raised:
        discover.load(load_settings(tmp_path, tmp_path / "home"))
    text = str(raised.value)
    for words in (
        "wrong.experiment.over: orders holds no assignments",
        "wrong.experiment.test_campaigns: 0: at least 1 is needed",
        "unknown.experiment.over: unknown table 'assignment'; did you mean 'assignments'",
        "things.experiment: campaigns draw persons, and no products",
        "things.experiment.where: ",
        "unknown column 'campaigns.gaol'; did you mean 'campaigns.goal'",
    ):
        assert words in text, text


def test_what_an_experiment_asks_for_is_part_of_the_meaning():
    assert len({Answers.digest(), Mails.digest(), Plain.digest()}) == 3


def test_the_step_reads_all_that_a_training_is_made_again_from(drawn):
    # `preference.new_share` asks when a product was launched.
    reads = drawn.step("train.campaign_uplift").reads
    assert {"silver/assignments", "silver/products", "silver/orders", "gold/identities"} <= set(reads)
