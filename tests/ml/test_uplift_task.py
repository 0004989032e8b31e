"""Uplift as a model: gates open where effects differ between customers, and stay shut where contact helps all alike."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from shop import copy_registry

from ml.campaign_uplift import CampaignUplift
from ml.evaluation.card import cards
from ml.lifecycle.evaluate import evaluate
from ml.lifecycle.registry import Registry
from ml.lifecycle.scoring.scores import scored
from ml.lifecycle.tracking import Dataset
from ml.lifecycle.train import TooLittleDataError, train
from ml.tasks.uplift import Uplift
from ml.uplift import formulas
from ml.uplift.draws import experiment_of, odds_of, treated_with
from ml.uplift.learners import uplift_learners
from ml.uplift.uplift_predictor import UpliftPredictor, base_of
from quanyu.grammar.model_spec import AnyOf, Estimator, MetricGate, ModelSpec
from quanyu.grammar.offers.assignments import CampaignAssignments
from quanyu.model.entities import Customer

PAST, LATER = ("2024-01-01", "2024-02-01"), ("2024-06-01",)


class Contact(ModelSpec):
    """What a contact adds."""

    entity, owner, population = Customer, "growth", "value.orders > 0"
    label = AnyOf("orders", horizon_days=14, where="purchase")
    experiment = CampaignAssignments()
    task = Uplift()
    features = ("value.orders", "value.spend", "recency.days_since_order")
    estimator = Estimator("t_learner", {"base": "linear", "C": 0.1})
    gates = CampaignUplift.gates


def campaigns(cutoffs, differs, many=6000, seed=0):
    """Draws of campaigns: half of the customers would gain .25, and half lose .05, or all gain .1."""
    random, parts = np.random.default_rng([seed, len(cutoffs)]), []
    for place, cutoff in enumerate(cutoffs):
        frame = pd.DataFrame(random.normal(0, 1, (many, 3)), columns=list(Contact.features))
        frame.loc[random.random(many) < 0.1, "value.spend"] = np.nan
        treated = random.random(many) < 0.3
        persuadable = frame["value.orders"].to_numpy() > 0
        effect = np.where(persuadable, 0.25, -0.05) if differs else 0.1
        # Who buys anyway is told by another feature, which the response model follows.
        usual = np.where(frame["recency.days_since_order"] > 0, 0.1, 0.6)
        parts.append(frame.assign(
            customer_id=[f"c{n}" for n in range(many)], cutoff=pd.Timestamp(cutoff), campaign=f"C{place}",
            arm=np.where(treated, "mail", "control"), probability=np.where(treated, 0.3, 0.7),
            label=(random.random(many) < usual + effect * treated).astype(float),
        ))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def judged():
    """By whether effects differ: what was trained, and its evaluation on a later campaign."""
    results = {}
    for differs in (True, False):
        past, later = campaigns(PAST, differs, seed=2), campaigns(LATER, differs, seed=2)
        trained = train(Contact, past)
        results[differs] = trained, evaluate(Contact, trained, later, training=past)
    return results


def test_where_effects_differ_the_gates_open_and_the_verdict_is_by_uplift(judged):
    _, evaluation = judged[True]
    assert evaluation.passed, evaluation.reasons
    assert evaluation.verdict.startswith("Target by uplift: the T-learner ranks better than the response model")
    assert "on later campaigns" in evaluation.verdict
    metrics = evaluation.metrics
    assert metrics["uplift_at_30pct"] == pytest.approx(0.25, abs=0.06)
    assert metrics["effect_low"] < 0.1 < metrics["effect_high"]
    assert metrics["qini_low"] < metrics["qini"] < metrics["qini_high"]
    assert metrics["effect_slope"] == pytest.approx(1, abs=0.3)


def test_where_contact_helps_all_alike_no_champion_and_the_verdict_is_all(judged):
    _, evaluation = judged[False]
    assert not evaluation.passed
    assert any(reason.startswith("qini_over_response_low") for reason in evaluation.reasons)
    assert evaluation.verdict.startswith("Target all")
    assert evaluation.metrics["effect_low"] > 0


def test_tenths_fall_and_plots_have_axes_units_and_the_baselines(judged):
    _, evaluation = judged[True]
    tenths = evaluation.tables["tenths"]
    assert (tenths["foretold"].diff().dropna() <= 0).all() and tenths["rows"].sum() == len(evaluation.test)
    assert (tenths["low"] < tenths["came"]).all() and tenths["came"][:3].min() > 0.15 > 0.1 > tenths["came"][7:].max()
    figures = Contact.task.plots(Contact, evaluation.scores, evaluation.test, evaluation.metrics, "a title")
    assert set(figures) == {"qini", "uplift_by_tenth"}
    [axes] = figures["qini"].axes
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts[0].startswith("response model, Qini") and texts[1].startswith("T-learner, Qini")
    assert texts[2] == "at random, Qini 0"
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "Share of customers contacted, highest score first",
        "Outcomes added, of 1,000 customers",
    )
    # The curve ends with the effect on all, which the random line reaches too.
    ends = [line.get_ydata()[-1] for line in axes.lines]
    assert (
        ends == pytest.approx([1000 * evaluation.metrics["effect"]] * 3, rel=0.2) and len(set(np.round(ends, 6))) == 1
    )


def test_a_card_says_whom_to_contact_and_compares_with_the_response_model(judged):
    trained, evaluation = judged[True]
    day = pd.Timestamp("2024-07-01").date()
    texts = cards(Contact, trained, evaluation, Dataset(day, {}, day, ()))
    assert "**Whom to contact**: Target by uplift" in texts["card"] and "baseline `response model`" in texts["card"]
    assert "Qini 系数" in texts["card_zh"] and "**投放结论**：按增量模型选人触达" in texts["card_zh"]
    assert "Target by" not in texts["card_zh"]


def test_a_card_counts_customers_who_were_drawn_more_than_once(judged):
    trained, evaluation = judged[True]
    day = pd.Timestamp("2024-07-01").date()
    parts = [evaluation.test, evaluation.test.assign(cutoff=pd.Timestamp("2024-06-20"))]
    twice = replace(evaluation, test=pd.concat(parts, ignore_index=True))
    texts = cards(Contact, trained, twice, Dataset(day, {}, pd.Timestamp("2024-06-01").date(), ()))
    assert "Tested on 12,000 draws of 6,000 customers, 2024-06-01 to 2024-06-20, whose" in texts["card"]
    assert "检验数据：2024-06-01 至 2024-06-20 抽取的 12,000 行（6,000 位客户）" in texts["card_zh"]


def test_a_worse_challenger_is_compared_with_the_champion_on_the_same_rows(judged):
    trained, evaluation = judged[True]
    champion = evaluation.scores.copy()
    against_itself = evaluate(Contact, trained, evaluation.test, champion).metrics
    assert against_itself["over_champion"] == against_itself["over_champion_high"] == 0
    reversed_order = Contact.task.compare(Contact, -champion, champion, evaluation.test)
    assert reversed_order["over_champion_high"] < 0


def test_a_champion_in_the_registry_scores_with_tenths_and_reasons_without_our_packages(judged, tmp_path):
    trained, evaluation = judged[True]
    copy_registry(tmp_path)
    registry = Registry(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts")
    day = date(2024, 7, 1)
    data = Dataset(day, {}, date.fromisoformat(LATER[0]), tuple(map(date.fromisoformat, PAST)))
    assert registry.record(Contact, trained, evaluation, data).champion
    rows, labels = evaluation.test.head(200), {name: f"what {name} is" for name in Contact.features}
    table = scored(registry.champion("contact"), Contact, rows, labels).to_pandas()
    assert list(table.columns) == ["customer_id", "model", "version", "uplift", "response", "decile", "reasons"]
    assert table[["uplift", "response"]].to_numpy() == pytest.approx(evaluation.scores[:200], abs=1e-9)
    first = table.sort_values("uplift", ascending=False).iloc[0]
    assert first["decile"] == 1 and first["reasons"][0].startswith("↑ what value.orders is")
    [version] = registry.versions("contact")
    assert "Target by uplift" in registry.logged(version, "gates.json").get("verdict", "")


@pytest.mark.parametrize("kind", ["s_learner", "t_learner", "class_transformation"])
@pytest.mark.parametrize(
    "base", [{"base": "linear"}, {"base": "boosted_trees", "n_estimators": 20}], ids=["linear", "trees"]
)
def test_what_is_stored_foretells_what_was_learned_and_reasons_add_up(kind, base):
    past = campaigns(PAST[:1], differs=True, many=1500)
    matrix = past[list(Contact.features)].to_numpy()
    experiment, _ = experiment_of(past, matrix, past["label"].to_numpy(), past["customer_id"])
    predictor = UpliftPredictor.fit(Contact.features, kind, base_of(base), experiment, 0)
    learned = uplift_learners(base_of(base))[kind].fit(experiment, 0).predict(matrix)
    scores = predictor.predict(matrix)
    assert scores[:, 0] == pytest.approx(learned, abs=1e-5)
    parts = formulas.contributions(predictor.parameters, *matrix.T)
    assert parts.shape == (len(matrix), len(Contact.features) + 1)
    # The margin of the sum orders customers as the uplift does.
    assert np.corrcoef(parts.sum(axis=1), learned)[0, 1] > 0.9


def test_the_probability_of_treatment_follows_from_the_odds_of_all_arms():
    arms = {"A": ("control", "mail", "call", "mail"), "B": ("mail", "control"), "C": ("control", "mail") * 2}
    draws = pd.DataFrame([(campaign, arm) for campaign in arms for arm in arms[campaign]], columns=["campaign", "arm"])
    draws["probability"] = [0.2, 0.5, 0.3, 0.5, 0.4, 0.6, 0.1, 0.9, 0.3, 0.6]
    treated, probability = treated_with(draws)
    assert treated.tolist() == [False, True, True, True, True, False, False, True, False, True]
    # Arms of A had the same odds for all; those of C differed between customers, and each row's own tells.
    assert probability == pytest.approx([0.8] * 4 + [0.4] * 2 + [0.9, 0.9, 0.7, 0.6])
    two = draws[draws["arm"] != "call"]
    assert treated_with(two)[1][:3] == pytest.approx([5 / 7] * 3), "of two arms of three, those two alone"


def test_odds_are_not_known_where_an_arm_may_be_closed_to_a_customer():
    arms = ("control", "mail", "call")
    # The second customer may not get the call. The third has the same odds as the first, for all that is known of him.
    draws = pd.DataFrame({"campaign": "A", "arm": arms, "probability": [1 / 3, 0.5, 1 / 3], "arms": 3})
    assert odds_of(draws).isna().all(axis=None)
    # Each arm has one probability for all, but together they are more than 1: nobody could get all of them.
    letters = pd.DataFrame({"campaign": "B", "arm": [*arms, "letter"], "probability": [0.5, 0.25, 0.25, 0.25]})
    assert odds_of(letters).isna().all(axis=None)
    three = odds_of(letters[letters["arm"] != "letter"])
    assert three.iloc[0].to_dict() == {"control": 0.5, "mail": 0.25, "call": 0.25}
    # Of three arms, the model looks at two: what the other had is not what is left.
    two = pd.concat([draws.iloc[:2], draws.iloc[:2]]).assign(probability=[0.2, 0.6, 0.6, 0.1])
    assert np.isnan(treated_with(two)[1]).all()
    assert treated_with(two.assign(arms=2))[1] == pytest.approx([0.8, 0.6, 0.4, 0.1])


def test_chances_that_were_logged_are_the_odds_unless_they_contradict_the_arm_that_came():
    draws = pd.DataFrame({"campaign": "A", "arm": ["control", "mail", "call", "mail", "call", "mail"]})
    draws["probability"] = [1 / 3, 0.5, 1 / 3, 0.5, 0.5, 0.2]
    three, closed = "control:0.333333333;mail:0.333333333;call:0.333333333", "mail: 0.5, control: 0.5"
    draws["chances"] = [three, closed, three, None, closed, "mail:a fifth"]
    odds = odds_of(draws)[["control", "mail", "call"]]
    assert odds.iloc[[0, 2]].to_numpy() == pytest.approx(np.full((2, 3), 1 / 3))
    assert odds.iloc[1].tolist() == [0.5, 0.5, 0.0]
    # Without chances, with an arm that could not come, and with a text that is none.
    assert odds.iloc[3:].isna().all(axis=None)
    assert treated_with(draws)[1][:3] == pytest.approx([2 / 3, 0.5, 2 / 3])


def test_campaigns_that_tell_of_no_effect_are_left_out_and_counted():
    past = campaigns(PAST, differs=False, many=1000).assign(arms=2)
    without_control = past[past["arm"] == "mail"].assign(campaign="all mailed", label=1.0)
    planned = past.assign(campaign="planned", arms=3, probability=np.where(past.index % 2, 0.3, 0.6))
    rows = pd.concat([past, without_control, planned], ignore_index=True)
    chosen, notes = Contact.task.comparable(rows)
    assert rows[chosen].equals(past)
    assert [str(note).partition(" left out: ")[0] for note in notes] == [
        f"{len(without_control)} assignments of all mailed", "2,000 assignments of planned",
    ]  # fmt: skip
    assert notes[0].chinese.startswith(f"剔除活动 all mailed 的 {len(without_control)} 条分组记录：")
    matrix, labels = rows[list(Contact.features)].to_numpy(), rows["label"].to_numpy()
    experiment, _ = experiment_of(rows, matrix, labels, rows["customer_id"])
    assert len(experiment) == len(past) and experiment.pseudo_effects.mean() == pytest.approx(0.1, abs=0.05)
    assert train(Contact, rows).facts["rows"] == len(rows), "what is learned from them is the experiment's"


def test_the_mean_of_pseudo_effects_is_the_difference_of_weighted_means():
    past = campaigns(PAST, differs=False, many=300)
    experiment, _ = experiment_of(past, np.zeros((600, 1)), past["label"].to_numpy(), past["customer_id"])
    means = [past["label"][past["arm"] == arm].mean() for arm in ("mail", "control")]
    assert experiment.pseudo_effects.mean() == pytest.approx(means[0] - means[1])


def test_one_arm_alone_is_too_little_to_learn_from():
    past = campaigns(PAST, differs=True, many=500)
    with pytest.raises(TooLittleDataError, match="needs rows of both arms"):
        train(Contact, past[past["arm"] == "mail"])


def test_mistakes_of_a_declaration_are_told_with_the_nearest_name():
    class Wrong(Contact):
        """Everything about it is wrong."""

        experiment = None
        task = Uplift(contact_cost=2.0)
        estimator = Estimator("t_lerner", {"base": "linaer"}, search={"C": [1, 2]})
        gates = (MetricGate("qinni", at_least=0),)

    class Costly(Contact):
        """Gates on gains without a cost, and a parameter of another base."""

        estimator = Estimator("s_learner", {"max_depth": 2})
        gates = (MetricGate("gain_over_all_low", at_least=0),)

    messages = "\n".join(map(str, [*Wrong.problems(), *Costly.problems()]))
    for words in (
        "wrong.experiment: is missing",
        "did you mean 't_learner'",
        "did you mean 'linear'",
        "did you mean 'qini'",
        "nothing is searched for it",
        "contact_cost 2 and margin 1",
        "'gain_over_all_low' needs contact_cost",
        "'max_depth' is none of linear",
    ):
        assert words in messages, messages
    assert Contact.problems() == CampaignUplift.problems() == []
