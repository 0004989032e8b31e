"""Plans of campaigns as a step of a day: who is planned, what is written, and what stays as it is."""

import pytest
from command_line import quanyu
from drawn_customers import LAST, PEOPLE, REFUSED, SPRING, retailer_with_campaigns
from pyarrow.compute import field
from shop import Retailer, template

from ml.uplift.chances import chances_in
from quanyu.errors import ConfigError, QuanyuError
from quanyu.lake import Lake
from quanyu.model.entities import Customer
from quanyu.model.plans import Plans
from quanyu.point_in_time.profiles import profiles

PLAN = ("customer_id", "arm", "probability", "explored", "expected_gain", "as_of")


@pytest.fixture
def shop(tmp_path):
    retailer = Retailer.at(template("drawn_customers", retailer_with_campaigns)).copy(tmp_path)
    yield retailer
    retailer.close()


def planned(shop, day=LAST, force=False):
    [outcome] = shop.run(day, "plans", force=force).values()
    return outcome


def words(outcome):
    return " ".join(outcome.notes)


def shown(shop, *line):
    answer = quanyu("offers", *line, "--conf", str(shop.conf), "--home", str(shop.home))
    return answer.returncode, " ".join((answer.stdout + answer.stderr).split())


def visits(shop):
    """Number of orders of each customer."""
    context = shop.context(LAST)
    rows = profiles(context, Customer, ["value.orders_ever"], context.day).collect()
    return {row["customer_id"]: row["value__orders_ever"] for row in rows}


def test_a_campaign_is_planned_by_customer_within_its_limits_and_once(shop):
    rows, orders = shop.rows("gold/plans", *PLAN), visits(shop)
    outcome = planned(shop, force=True)
    assert (outcome.rows_out, outcome.unchanged) == (0, len(rows)), "a rerun of the day gives the same plan"
    assert len(rows) == PEOPLE - REFUSED, "who has not agreed to messages takes up no budget"
    assert "Planned by customer" in words(outcome)
    assert "Only explored, without enough past assignments: gift" in words(outcome)
    of_arm = {arm: [row for row in rows if row[1] == arm] for arm in ("control", "mail", "gift")}
    assert len(of_arm["mail"]) + len(of_arm["gift"]) <= 150 and len(of_arm["gift"]) <= 5, "budget and stock"
    assert {(row[3], row[4]) for row in of_arm["gift"]} == {(True, None)}
    assert min(orders[row[0]] for row in of_arm["mail"]) >= 2, "the rule"
    # Whom the mail moves gets it: those who had come often.
    assert min(orders[row[0]] for row in of_arm["mail"] if not row[3]) > 3
    assert min(row[4] for row in of_arm["mail"] if not row[3]) > 0 == max(row[4] for row in of_arm["control"])
    assert outcome.facts.planned == {"C3": {arm: len(people) for arm, people in of_arm.items()}}


def test_probabilities_are_those_of_the_draw(shop):
    rows, orders = shop.rows("gold/plans", *PLAN), visits(shop)
    drawn = shop.rows("gold/plan_figures", "value", where=field("measure") == "drawn")
    assert sum(row[3] for row in rows) == sum(count for (count,) in drawn) > 0
    # A fifth explores: without the mail for those who have come once, two arms; else three. Budget and stock are
    # scarce: what is drawn of them is given seldom, else the best arm.
    arms = {row[0]: 2 if orders[row[0]] < 2 else 3 for row in rows}
    chances = {arm: {round(row[2] * arms[row[0]] / 0.2, 9) for row in rows if row[1] == arm and row[3]}
               for arm in ("mail", "gift")}  # fmt: skip
    [gift] = chances["gift"]
    assert 0 < gift < min(chances["mail"])
    assert {(row[2] > 0.8) for row in rows if not row[3]} == {True}
    for customer, arm, probability, text in shop.rows("gold/plans", *PLAN[:3], "chances"):
        odds = chances_in(text)
        assert sum(odds.values()) == pytest.approx(1) and odds[arm] == pytest.approx(probability)
        assert (odds["mail"] > 0) == (orders[customer] >= 2), "the rule"


def test_a_plan_stays_as_it_is_once_the_campaign_has_begun(shop):
    rows = shop.rows("gold/plans", *PLAN)
    shop.declare("offers/spring.yml", SPRING.replace("budget: 150", "budget: 10"))
    for day in ("2024-03-18", "2024-03-19"):
        assert f"C3: began on 2024-03-18: its plan of {LAST} stays as it is" in words(planned(shop, day))
        assert shop.rows("gold/plans", *PLAN) == rows
    # A run of an earlier day after that changes nothing either.
    assert "stays as it is" in words(planned(shop, LAST, force=True))
    assert shop.rows("gold/plans", *PLAN) == rows


def test_a_run_that_ends_between_figures_and_plan_is_mended_by_the_next(shop, monkeypatch):
    rows, figures = shop.rows("gold/plans", *PLAN), shop.rows("gold/plan_figures", "measure", "subject", "most")
    shop.declare("offers/spring.yml", SPRING.replace("budget: 150", "budget: 10"))
    sync = Lake.sync

    def interrupted(lake, table, *rest, **more):
        if table is Plans:
            raise RuntimeError("the machine stopped")
        return sync(lake, table, *rest, **more)

    with monkeypatch.context() as patch, pytest.raises(QuanyuError):
        patch.setattr(Lake, "sync", interrupted)
        planned(shop)
    assert shop.rows("gold/plans", *PLAN) == rows
    assert shop.rows("gold/plan_figures", "measure", "subject", "most") != figures
    planned(shop)
    assert 0 < sum(arm != "control" for _, arm, *_ in shop.rows("gold/plans", *PLAN)) <= 10


def test_without_what_a_plan_needs_there_is_a_sentence(shop):
    rows = shop.rows("gold/plans", *PLAN)
    shop.declare("offers/spring.yml", SPRING.replace("campaign: C3", "campaign: C9"))
    assert words(planned(shop)) == "C9: not announced yet"
    shop.declare("offers/spring.yml", SPRING.replace("arm: mail", "arm: call"))
    outcome = planned(shop)
    assert "C3 has no arm 'call'" in words(outcome) and list(outcome.alerts) == ["plan of C3"]
    shop.declare("offers/spring.yml", SPRING.replace("S1", "S7"))
    assert "the stock does not list item 'S7'" in words(planned(shop))
    shop.declare("offers/spring.yml", "\n".join(line for line in SPRING.splitlines() if "letter:" not in line))
    assert "no arm has 100 past assignments" in words(planned(shop))
    assert shop.rows("gold/plans", *PLAN) == rows, "the plan of before stands"
    (shop.conf / "offers" / "spring.yml").unlink()
    assert "plans" not in shop.context(LAST).steps


def test_a_wrong_file_is_named(shop):
    shop.declare("offers/autumn.yml", SPRING.replace("model: answers", "model: churn"))
    with pytest.raises(ConfigError) as error:
        shop.run(LAST, "plans")
    assert "autumn.yml: model: 'churn' learns from no experiment" in str(error.value)
    assert "C3 has offers in another file too" in str(error.value)


def test_the_plan_is_shown_with_limits_gain_and_verdict(shop):
    code, text = shown(shop, "show", "C3")
    assert code == 0 and f"Plan of {LAST} Planned by customer" in text
    for part in ("mail │ letter", "stock of S1", "│ 150 │", "no plan gains more than", "by customer", "more than"):
        assert part in text, part
    code, text = shown(shop, "show", "C4")
    assert code == 2 and "C4 has no offers" in text
    assert f"C3 planned on {LAST}. Planned by customer" in shown(shop, "list")[1]
