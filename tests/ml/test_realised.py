"""How scores came true: of everybody, and of those whom campaigns drew after they were scored."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from visitors import opened, people, scored, trained

from ml.campaign_uplift import CampaignUplift
from ml.churn import Churn
from ml.lifecycle import learning
from ml.lifecycle.frames import assigned, dataset
from ml.lifecycle.scoring.monitor_plot import plot
from ml.lifetime import Lifetime
from ml.next_purchase import NextPurchase

PAST, SCORED, LATER = date(2024, 5, 1), date(2024, 7, 1), date(2024, 7, 8)
CONTACT = '''
"""What a contact adds."""
from ml.tasks.uplift import Uplift
from quanyu.grammar.model_spec import AnyOf, Estimator, MetricGate, ModelSpec
from quanyu.grammar.offers.assignments import CampaignAssignments
from quanyu.model.entities import Customer

class Contact(ModelSpec):
    """What a contact adds."""
    entity, owner, population = Customer, "growth", "visits.visits > 0"
    label, task, experiment = AnyOf("orders", 14), Uplift(), CampaignAssignments()
    features, gates = ("visits.visits", "visits.visits_90d"), (MetricGate("test_rows", at_least=1),)
    estimator = Estimator("t_learner", {"base": "linear"})
'''


def test_probabilities_by_hand():
    rows = pd.DataFrame({"score": [0.9, 0.8, 0.2, 0.1], "label": [1.0, 0.0, 1.0, 0.0]})
    assert Churn.task.realised(Churn, rows) == {"auc": 0.75, "calibration": 1.0}
    assert Churn.task.realised(Churn, rows.assign(label=0.0)) == {}


def test_values_by_hand():
    rows = pd.DataFrame({"value": [10.0, 20.0, 30.0], "label": [0.0, 20.0, 60.0]})
    rows = rows.assign(purchases=1.0, value_low=5.0, value_high=40.0, p_alive=1.0, purchases_365d=4.0,
                       value_365d=100.0)  # fmt: skip
    came = Lifetime.task.realised(Lifetime, rows)
    # Errors of 10, 0 and 30; 60 foretold of 80; one of three within 5 to 40.
    assert (came["mae"], came["calibration"], came["coverage"]) == pytest.approx((40 / 3, 0.75, 1 / 3))
    assert came["correlation"] == pytest.approx(np.corrcoef([10, 20, 30], [0, 20, 60])[0, 1])


def test_days_by_hand():
    rows = pd.DataFrame({"due_in_days": [10.0, 20.0, 30.0, 40.0], "comes": [0.9, 0.7, 0.3, 0.1]})
    rows = rows.assign(due_low=rows["due_in_days"] - 5, due_high=rows["due_in_days"] + 5,
                       label=[12.0, 40.0, 30.0, np.nan])  # fmt: skip
    # Errors of 2, 20 and 0 of those who came; two of them within the quartiles; 2 were foretold, and 3 came.
    assert NextPurchase.task.realised(NextPurchase, rows) == pytest.approx(
        {"mae": 22 / 3, "calibration": 2 / 3, "coverage": 2 / 3}
    )


def arms(likely, unlikely):
    """Rows of two kinds of customers, eight of each: of four treated and four controls so many have the outcome."""
    rows = [
        (uplift, response, arm, float(place < outcomes))
        for (uplift, response), by_arm in (((0.4, 0.1), likely), ((0.0, 0.5), unlikely))
        for arm, outcomes in zip(("mail", "control"), by_arm, strict=True)
        for place in range(4)
    ]
    return pd.DataFrame(rows, columns=["uplift", "response", "arm", "label"])


def test_effects_by_hand():
    rows = pd.concat([arms((3, 1), (1, 1))] * 10, ignore_index=True)
    rows = rows.assign(campaign="C1", probability=0.5, customer_id=[f"c{place}" for place in rows.index])
    came = CampaignUplift.task.realised(CampaignUplift, rows)
    # Of 8 + 8 rows the first 8 gain 3 - 1, the others nothing: the area is 24, that of a random order 16, the best 54.
    assert came["qini"] == pytest.approx(8 / 38)
    # The response model has the same two groups the other way round.
    assert came["qini_over_response"] == pytest.approx(16 / 38)
    # .5 among the first, 4 of 8 less 2 of 8 among all, half of .4 and 0 foretold.
    assert (came["uplift_at_30pct"], came["effect"], came["mean_uplift"]) == pytest.approx((0.5, 0.25, 0.2))
    assert came["qini_low"] < came["qini"] < came["qini_high"] and came["effect_low"] > 0
    assert CampaignUplift.task.realised(CampaignUplift, rows.head(16)) == {}, "too few to say anything"


def drawn(spec, cutoffs, many=400):
    """Draws of campaigns of which contact helps those alone who come often."""
    frames = []
    for place, cutoff in enumerate(cutoffs):
        rows, random = people(spec, [cutoff], many, seed=3), np.random.default_rng(place)
        treated = random.random(many) < 0.5
        rows["campaign"], rows["arm"], rows["probability"] = f"C{cutoff}", np.where(treated, "mail", "control"), 0.5
        rows["arms"], rows["chances"] = 2, None
        rows["label"] = (random.random(many) < np.where((rows["visits.visits"] > 5) & treated, 0.8, 0.2)).astype(float)
        frames.append(rows)
    return pd.concat(frames, ignore_index=True)


@pytest.fixture
def shop(retailer, monkeypatch):
    retailer.declare("ml/contact.py", CONTACT)
    shop = opened(retailer, monkeypatch)

    def rows(context, spec, since, until, share=None):
        days = (PAST, date(2024, 6, 1), *known(context, spec, date.min))
        return dataset.LabelledFrame(drawn(spec, [day for day in days if since <= day + timedelta(1) <= until]), ())

    def known(context, spec, since):
        return [day for day in (SCORED, LATER) if since <= day <= context.day - timedelta(14)]

    monkeypatch.setattr(learning, "assigned", rows)
    monkeypatch.setattr(learning, "cutoffs_of", lambda *_: ([PAST], date(2024, 6, 1)))
    monkeypatch.setattr(assigned, "assigned", rows)
    monkeypatch.setattr(assigned, "known_cutoffs", known)
    return shop


def came_true(shop):
    columns = ("version", "scored_on", "measure", "value", "rows")
    rows = shop.rows("gold/model_monitoring", *columns)
    return {(str(day), measure): (value, count) for _, day, measure, value, count in rows if measure != "psi"}


def test_draws_of_campaigns_are_measured_once_their_outcome_is_known(shop):
    trained(shop, str(SCORED), "contact")
    scored(shop, str(SCORED))
    scored(shop, "2024-07-05")
    shop.run("2024-07-14", "monitor")
    assert came_true(shop) == {}, "no outcome is known"
    shop.run("2024-07-15", "monitor")
    first = came_true(shop)
    value, rows = first[str(SCORED), "qini"]
    assert rows == 200 and value > 0.2 and first[str(SCORED), "qini_low"][0] < value
    assert first[str(SCORED), "uplift_at_30pct"][0] > first[str(SCORED), "effect"][0] > 0.1
    # A week later the second campaign's is: it drew three days after the last scores, and both count.
    outcome = shop.run("2024-07-22", "monitor")["monitor"]
    assert {day for day, _ in came_true(shop)} == {str(SCORED), "2024-07-05"}
    assert came_true(shop)["2024-07-05", "qini"][1] == 400 and outcome.alerts == {}
    figure = plot(shop.context("2024-07-22"), "contact")
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels[:2] == ["PSI against training", "Qini"] and len(labels) == 6
    assert {text.get_text() for text in figure.axes[1].get_legend().get_texts()} == {
        "came true", "95 % interval", "random order",
    }  # fmt: skip
    assert figure.axes[-1].get_xlabel() == "Day of the scores"


def test_scores_that_are_too_old_or_of_a_later_training_do_not_count_and_a_wrong_ranking_alerts(shop, monkeypatch):
    trained(shop, "2024-07-02", "contact")
    # A day made up for is scored by a version that was trained after it.
    scored(shop, str(SCORED))
    shop.run("2024-07-22", "monitor")
    assert came_true(shop) == {}
    scored(shop, "2024-07-02")
    monkeypatch.setattr(assigned, "known_cutoffs", lambda *_: [date(2024, 7, 9)])
    shop.run("2024-07-24", "monitor")
    assert came_true(shop) == {}, "a week old"

    def turned(context, spec, since, until, share=None):
        rows = drawn(spec, [date(2024, 7, 2)])
        harmed = (rows["visits.visits"] > 5) == (rows["arm"] == "mail")
        return dataset.LabelledFrame(rows.assign(label=np.where(harmed, 0.0, 1.0)), ())

    monkeypatch.setattr(assigned, "known_cutoffs", lambda *_: [date(2024, 7, 2)])
    monkeypatch.setattr(assigned, "assigned", turned)
    [alert] = shop.run("2024-07-25", "monitor")["monitor"].alerts.values()
    assert "contact: Qini came to -" in alert and "surely below a random order" in alert and "--force" in alert
