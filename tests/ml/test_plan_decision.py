"""How a campaign is planned from past assignments: by customer only where that surely pays, within limits."""

import numpy as np
import pandas as pd
import pytest

from ml.plans.announced import arms_in
from ml.plans.decision import BY_CUSTOMER, Candidates, accepted_chances, decided
from ml.plans.figures import customers_by_arm, figures_of, verdict
from ml.plans.past import past_assignments
from ml.uplift.calibrated_effects import CalibratedEffects
from ml.uplift.chances import texts_of
from ml.uplift.learners import linear
from ml.uplift.offers import OfferNumbers
from ml.uplift.plan import Limits

SEED = 4


class Spec:
    """What is looked at of a model."""

    features = ("visits.visits", "visits.spend")
    entity = type("Entity", (), {"key": "customer_id"})


def rows(effect, campaigns=3, each=1_000, arms=("control", "mail"), chances=(0.5, 0.5)):
    """Assignments of campaigns a month apart; `effect` gives the effect of any arm from the first feature."""
    random, frames = np.random.default_rng(SEED), []
    for campaign in range(campaigns):
        features, arm = random.random((each, 2)), random.choice(len(arms), each, p=chances)
        chance = 0.2 + np.where(arm > 0, effect(features[:, 0]), 0)
        frames.append(pd.DataFrame({
            "customer_id": [f"c{n}" for n in range(each)], "visits.visits": features[:, 0],
            "visits.spend": features[:, 1], "cutoff": pd.Timestamp("2024-01-01") + pd.Timedelta(days=30 * campaign),
            "campaign": f"C{campaign}", "arm": np.array(arms)[arm], "probability": np.array(chances)[arm],
            "label": (random.random(each) < chance).astype(float),
        }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def helps_some(feature):
    return np.where(feature > 0.5, 0.7, -0.15)


def alike(feature):
    return np.full(len(feature), 0.3)


def numbers(budget=None, most=None, arms=("control", "mail")):
    limits = {"budget": (np.r_[0, np.ones(len(arms) - 1)], budget), "offer mail": (np.array(arms) == "mail", most)}
    uses, amounts = zip(*(pair for pair in limits.values() if pair[1] is not None), strict=True) or ((), ())
    names = tuple(name for name, (_, amount) in limits.items() if amount is not None)
    count = len(arms)
    return OfferNumbers(arms, np.full(count, 10.0) * (np.arange(count) > 0), np.r_[0, np.ones(count - 1)],
                        Limits(names, np.array(uses, float), np.array(amounts, float)), {})  # fmt: skip


def people(count=2_000, arms=2):
    features = np.random.default_rng(SEED + 1).random((count, 2))
    keys = pd.Series([f"k{number}" for number in range(count)])
    return Candidates(keys, features, np.ones((count, arms), dtype=bool))


def planned(effect, offers, explore=0.0, campaign="C9"):
    return decided(past_assignments(rows(effect), Spec, ["mail"]), offers, people(), explore, campaign)


def test_customers_are_told_apart_where_that_surely_pays():
    plan, today = planned(helps_some, numbers(budget=600)), people()
    assert plan.single == "" and plan.evidence.values.over[BY_CUSTOMER].low > 0
    assert verdict(plan).startswith("Planned by customer: on 1,000 past assignments that nothing was learned from")
    mailed = plan.plan.arm == 1
    assert mailed.sum() == 600 and today.matrix[mailed, 0].min() > 0.5
    assert plan.binding.tolist() == [True] and "reached" in [row.get("words") for row in figures_of(plan, "C9", None)]
    assert plan.plan.gain <= plan.plan.bound
    assert (plan.expected_gain[mailed] > 0).all() and (plan.expected_gain[~mailed] == 0).all()


def test_the_best_single_arm_wins_where_effects_are_alike():
    plan, today = planned(alike, numbers(budget=600)), people()
    assert plan.single == "mail" and plan.evidence.values.reference == "mail"
    assert "not surely better than mail" in verdict(plan) and verdict(plan).startswith("mail for all")
    mailed = plan.plan.arm == 1
    assert mailed.sum() == 600
    assert today.matrix[mailed, 0].mean() == pytest.approx(0.5, abs=0.05), "who gets it depends on no feature"
    [gain] = set(plan.expected_gain[mailed])
    assert gain == pytest.approx(10 * 0.3 - 1, abs=0.5)


def test_nobody_gets_what_costs_more_than_it_brings():
    plan = planned(lambda feature: np.full(len(feature), 0.02), numbers(budget=600))
    assert plan.single == "control" and customers_by_arm(plan) == {"control": 2_000, "mail": 0}
    assert verdict(plan).startswith("Nobody gets an arm: a plan by customer is not surely better than nobody")


@pytest.mark.parametrize("effect", [helps_some, alike])
def test_without_a_budget_nobody_is_planned_and_nobody_explores(effect):
    plan = planned(effect, numbers(budget=0), explore=0.2)
    assert customers_by_arm(plan) == {"control": 2_000, "mail": 0}
    assert (plan.plan.probability == 1).all() and plan.plan.gain == 0


def test_exploration_has_the_probability_that_is_written_and_leaves_the_budget_to_the_plan():
    plan = planned(alike, numbers(most=200), explore=0.2)
    arm, probability, explored = plan.plan.arm, plan.plan.probability, plan.plan.explored
    assert (arm == 1).sum() <= 200
    # One of five explores, half of them the mail: 200 in expectation. Given is a fifth of the limit, 40.
    assert accepted_chances(0.2, people().eligible, plan.limits).tolist() == [1, pytest.approx(0.2)]
    assert (explored & (arm == 1)).sum() == pytest.approx(40, abs=15)
    kept_back = 1 - 0.1 - 0.1 * 0.2
    by_best = {(best, one): chance for best, one, chance in zip(plan.plan.best, arm, probability, strict=True)}
    assert by_best == {
        (0, 0): pytest.approx(0.1 + kept_back), (0, 1): pytest.approx(0.02), (1, 1): pytest.approx(0.02 + kept_back),
        (1, 0): pytest.approx(0.1),
    }  # fmt: skip


def test_the_same_customers_get_the_same_arms_again_and_others_explore_in_another_campaign():
    first, second, other = (planned(alike, numbers(most=200), 0.2, campaign).plan for campaign in ("C8", "C8", "C9"))
    assert (first.arm == second.arm).all() and (first.probability == second.probability).all()
    assert (first.explored != other.explored).any()


def test_an_arm_that_was_never_tried_is_only_explored():
    offers = numbers(budget=600, arms=("control", "mail", "call"))
    past = past_assignments(rows(helps_some), Spec, ["mail", "call"])
    assert past.experiment.arms == ("control", "mail")
    plan = decided(past, offers, people(arms=3), 0.2, "C9")
    called = plan.plan.arm == 2
    assert called.any() and plan.plan.explored[called].all() and np.isnan(plan.expected_gain[called]).all()
    figures = {(row["measure"], row["subject"]): row for row in figures_of(plan, "C9", None)}
    assert figures["customers", "call"]["value"] == figures["drawn", "call"]["value"] == called.sum()
    assert figures["used", "budget"]["value"] == (plan.plan.arm > 0).sum() <= figures["used", "budget"]["most"] == 600


def test_past_assignments_are_those_of_campaigns_with_the_arms_and_a_control():
    of_arms = rows(alike, campaigns=1, each=3_000, arms=("control", "mail", "call"), chances=(0.5, 0.3, 0.2))
    past = past_assignments(of_arms, Spec, ["mail", "letter"])
    assert past.experiment.arms == ("control", "mail")
    assert len(past.days) == of_arms["arm"].isin(["control", "mail"]).sum()
    # Given that it was one of the two.
    assert past.experiment.probability[0].tolist() == [pytest.approx(0.625), pytest.approx(0.375)]
    without_control = of_arms[of_arms["arm"] != "control"]
    assert past_assignments(without_control, Spec, ["mail"]) is None
    assert past_assignments(of_arms.assign(probability=np.nan), Spec, ["mail"]) is None
    assert past_assignments(of_arms.head(0), Spec, ["mail"]) is None


def test_own_probabilities_are_those_that_were_logged():
    of_arms = rows(alike, campaigns=1)
    own = np.where(of_arms["arm"] == "mail", np.where(of_arms["visits.visits"] > 0.5, 0.9, 0.1), np.nan)
    own = np.where(of_arms["arm"] == "control", np.where(of_arms["visits.visits"] > 0.5, 0.1, 0.9), own)
    past = past_assignments(of_arms.assign(probability=own), Spec, ["mail"])
    chosen = past.experiment.probability[np.arange(len(own)), past.experiment.arm]
    assert chosen == pytest.approx(own) and past.experiment.probability.sum(axis=1) == pytest.approx(1)


def test_customers_who_could_not_get_an_arm_make_no_effect_of_it():
    random, arms, each = np.random.default_rng(SEED), np.array(["control", "mail", "call"]), 3_000
    # Who spends little buys less, and may not get the call. No arm has any effect.
    spends = random.random(each) < 0.5
    odds = np.where(spends[:, None], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0])
    arm = (random.random(each)[:, None] > np.cumsum(odds, axis=1)).sum(axis=1)
    of_rule = rows(alike, campaigns=1, each=each, arms=tuple(arms), chances=(0.5, 0.3, 0.2)).assign(
        **{"visits.spend": spends, "arm": arms[arm], "probability": odds[np.arange(each), arm], "campaign": "rule"},
        label=(random.random(each) < np.where(spends, 0.5, 0.1)).astype(float),
    )
    assert past_assignments(of_rule, Spec, ["mail", "call"]) is None
    past = past_assignments(pd.concat([rows(alike), of_rule], ignore_index=True), Spec, ["mail", "call"])
    assert past.experiment.arms == ("control", "mail") and len(past.days) == 3_000
    # With the chances of all arms logged, it is known who could not get the call.
    known = past_assignments(of_rule.assign(chances=texts_of(list(arms), odds)), Spec, ["mail", "call"]).experiment
    assert known.probability == pytest.approx(odds)
    averages = CalibratedEffects.fit(linear(), known, seed=0).averages
    assert averages == pytest.approx([0, 0, 0], abs=0.06)


def test_a_plan_is_measured_on_the_newest_campaigns_or_on_other_customers():
    past = past_assignments(rows(alike), Spec, ["mail"])
    learned, measured = past.halves(0)
    assert past.days[learned].max() < past.days[measured].min() and len(measured) == 1_000
    one = past_assignments(rows(alike, campaigns=1), Spec, ["mail"])
    learned, measured = one.halves(0)
    customers = one.experiment.customers
    assert len(measured) == 500 and not set(customers[learned]) & set(customers[measured])
    few = past_assignments(rows(alike, campaigns=1, each=210), Spec, ["mail"])
    plan = decided(few, numbers(budget=600), people(), 0.0, "C9")
    assert (few.halves(0) is None) == (plan.evidence is None) and plan.single == "mail"


@pytest.mark.parametrize(
    ("text", "arms"),
    [("treatment:0.5;control:0.5", ("treatment", "control")), ("mail: .2, control", ("mail", "control")), ("", ())],
)
def test_arms_are_read_from_the_text_of_a_campaign(text, arms):
    assert arms_in(text) == arms
