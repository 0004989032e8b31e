"""Lifetime value: trained on simulated customers, judged on a later period, recorded and served."""

import subprocess
import sys
from datetime import date
from io import BytesIO, StringIO

import numpy as np
import pandas as pd
import pytest
from shop import copy_registry

from ml.evaluation.card import cards
from ml.lifecycle.evaluate import evaluate
from ml.lifecycle.registry import Champion, Registry
from ml.lifecycle.scoring.scores import scored
from ml.lifecycle.tracking import PLAIN, Dataset, scored_rows
from ml.lifecycle.train import TooLittleDataError, train
from ml.lifetime import Lifetime
from ml.tasks.lifetime_value import LifetimeValue, figures, past_rate
from quanyu.errors import ConfigError
from quanyu.grammar.model_spec import Estimator

DAY = date(2024, 6, 30)
TEST, TRAINING = Lifetime.test_cutoff(DAY), Lifetime.training_cutoffs(DAY)[0]
DAYS, FIRST, LAST, SPENT = Lifetime.features
COLUMNS = list(Lifetime.task.columns)


def orders(count=1500, days=500, seed=11):
    """Every purchase of simulated customers over 500 days that end with the run's day: customer, day, amount."""
    random, rows = np.random.default_rng(seed), []
    for customer in range(count):
        rate, dropout = random.gamma(0.9, 1 / 25), random.beta(0.8, 5)
        own, at = random.gamma(4, 1 / 60), float(random.integers(0, 300))
        while at < days:
            rows.append((f"customer-{customer:05}", int(at), random.gamma(3) / own))
            if len(rows) > 1 and rows[-2][0] == rows[-1][0] and random.random() < dropout:
                break
            at += random.exponential(1 / rate)
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    frame["day"] = pd.Timestamp(DAY) - pd.to_timedelta(days - 1 - frame["day"], unit="day")
    return frame.groupby(["customer_id", "day"], as_index=False)["amount"].sum()


def known_on(purchases, cutoff):
    """Features and label of a cutoff, written without the feature engine."""
    at, end = pd.Timestamp(cutoff), pd.Timestamp(cutoff) + pd.Timedelta(days=90)
    past = purchases[purchases["day"] <= at].groupby("customer_id")
    later = purchases[(purchases["day"] > at) & (purchases["day"] <= end)].groupby("customer_id")["amount"].sum()
    frame = pd.DataFrame({
        DAYS: past.size().astype(float), FIRST: (at - past["day"].min()).dt.days.astype(float),
        LAST: (at - past["day"].max()).dt.days.astype(float), SPENT: past["amount"].mean(),
    })  # fmt: skip
    frame["label"] = later.reindex(frame.index, fill_value=0.0)
    return frame.assign(cutoff=at).reset_index()


ORDERS = orders()
PAST, LATER = known_on(ORDERS, TRAINING), known_on(ORDERS, TEST)
DATASET = Dataset(DAY, {"gold/rhythm": 3}, TEST, (TRAINING,))


@pytest.fixture(scope="module")
def trained():
    return train(Lifetime, PAST)


@pytest.fixture(scope="module")
def evaluation(trained):
    return evaluate(Lifetime, trained, LATER, training=PAST)


def test_value_is_foretold_better_than_by_the_past_rate_and_adds_up(evaluation):
    assert evaluation.passed, [str(result) for result in evaluation.gates]
    assert evaluation.metrics["correlation_over_rate"] > 0.01
    assert evaluation.metrics["mae_below_rate"] > 0
    assert evaluation.metrics["foretold_to_actual"] == pytest.approx(1, abs=0.15)
    # Spending is 0 with some probability, so that an interval of 80 % holds more.
    assert 0.78 < evaluation.metrics["coverage"] < 0.95


def test_a_champion_that_foretells_better_stays_and_an_equal_one_goes(trained, evaluation):
    perfect = evaluation.scores.copy()
    perfect[:, 1] = evaluation.labels
    [reason] = evaluate(Lifetime, trained, LATER, champion_scores=perfect, training=PAST).reasons
    assert reason.startswith("over_champion_high >= 0: -") and "champion of today is surely better" in reason
    assert evaluate(Lifetime, trained, LATER, champion_scores=evaluation.scores, training=PAST).passed


def test_what_is_better_than_the_past_rate_by_luck_fails(trained):
    # The model's own values with some noise stand for the plain rule, and again for the model: neither is better.
    random, rate = np.random.default_rng(5), trained.predict(LATER)[:, 1]
    own = trained.predict(LATER)
    own[:, 1] = rate * random.lognormal(0, 0.1, len(rate))
    metrics = figures(own, LATER["label"].to_numpy(), rate * random.lognormal(0, 0.1, len(rate)))
    for name in ("mae_below_rate", "correlation_over_rate"):
        assert metrics[f"{name}_low"] < 0 < metrics[f"{name}_high"]


def test_each_tenth_of_customers_spends_about_what_was_foretold(evaluation):
    for rows in np.array_split(np.argsort(evaluation.scores[:, 1]), 5)[1:]:
        foretold, came = evaluation.scores[rows, 1].mean(), evaluation.labels[rows].mean()
        assert foretold == pytest.approx(came, rel=0.35)


def test_values_lie_within_their_intervals_and_p_alive_is_a_probability(evaluation):
    purchases, _, low, high, alive, *_ = evaluation.scores.T
    assert (purchases >= 0).all() and (low >= 0).all() and (low <= high).all()
    assert ((alive >= 0) & (alive <= 1)).all() and (alive[LATER[DAYS] == 1] == 1).all()


def test_training_is_the_same_whatever_the_order_of_rows(trained):
    shuffled = PAST.sample(frac=1, random_state=7)[sorted(PAST.columns, reverse=True)]
    assert np.array_equal(train(Lifetime, shuffled, nthread=2).predict(LATER), trained.predict(LATER))


def test_of_several_cutoffs_only_the_newest_row_of_a_customer_counts(trained):
    earlier = known_on(ORDERS, TRAINING - pd.Timedelta(days=60))
    assert np.array_equal(train(Lifetime, pd.concat([earlier, PAST])).predict(LATER), trained.predict(LATER))


def test_more_silence_means_less_alive_and_more_spending_more_value(trained):
    silence = pd.DataFrame({DAYS: 5.0, FIRST: 300.0, LAST: np.arange(0, 200, 20.0), SPENT: 50.0})
    assert (np.diff(trained.predict(silence)[:, 4]) < 0).all()
    spending = pd.DataFrame({DAYS: 5.0, FIRST: 300.0, LAST: 10.0, SPENT: np.arange(10, 200, 20.0)})
    for column in (1, 3):
        assert (np.diff(trained.predict(spending)[:, column]) > 0).all()


def test_the_past_rate_goes_over_one_horizon_at_least():
    past = np.array([(4.0, 180.0, 0.0, 10.0), (1.0, 0.0, 0.0, 10.0)])
    assert past_rate(past, 90).tolist() == [20.0, 10.0]


def test_metrics_of_a_worked_example():
    value, labels = np.array([10.0, 20.0, 0.0, 30.0]), np.array([0.0, 40.0, 0.0, 40.0])
    predictions = np.stack([value / 10, value, value * 0, value * 1.5, *[value * 0 + 1] * 3], axis=1)
    metrics = figures(predictions, labels, np.array([40.0, 0.0, 0.0, 40.0]))
    assert (metrics["mae"], metrics["mae_of_rate"], metrics["mae_below_rate"]) == (10.0, 20.0, 10.0)
    assert (metrics["foretold_to_actual"], metrics["coverage"], metrics["spenders"]) == (0.75, 0.75, 2)
    assert metrics["correlation"] == pytest.approx(np.corrcoef(value, labels)[0, 1])
    assert metrics["correlation_of_rate"] == 0


@pytest.mark.parametrize(
    ("feature", "value"), [(DAYS, 1e30), (DAYS, 302.0), (FIRST, 1e30), (LAST, None), (SPENT, None)]
)
def test_of_a_past_that_cannot_be_nothing_is_foretold_and_others_stay_as_they_are(trained, feature, value):
    rows = pd.DataFrame({DAYS: [5.0, 5.0], FIRST: 300.0, LAST: 10.0, SPENT: 20.0})
    usual = trained.predict(rows)
    scores = trained.predict(rows.assign(**{feature: [value, rows[feature][1]]}))
    assert np.isnan(scores[0]).all() and (scores[1] == usual[1]).all()
    champion = Champion("lifetime", 1, DAY, Lifetime.features, trained.predict)
    people = rows.assign(customer_id=["a", "b"], **{feature: [value, rows[feature][1]]})
    assert scored(champion, Lifetime, people, {})["customer_id"].to_pylist() == ["b"]


def test_a_period_without_spending_passes_no_gate(trained):
    nothing = evaluate(Lifetime, trained, LATER.assign(label=0.0))
    assert np.isnan(nothing.metrics["foretold_to_actual"]) and not nothing.passed


@pytest.mark.parametrize(
    ("frame", "error", "sentence"),
    [
        (PAST.assign(label=0.0), TooLittleDataError, "none of .* rows spent anything"),
        (PAST.assign(**{DAYS: 1.0, LAST: PAST[FIRST]}), TooLittleDataError, "0 customers bought on a second day"),
        (PAST.assign(**{SPENT: -5.0}), ConfigError, "mean value is not above 0"),
        (PAST.assign(**{FIRST: np.nan}), TooLittleDataError, "no row has a value"),
    ],
    ids=["nobody spent", "nobody came again", "negative", "unknown"],
)
def test_data_that_cannot_be_trained_on_is_refused_with_a_reason(frame, error, sentence):
    with pytest.raises(error, match=sentence):
        train(Lifetime, frame)


def test_a_feature_that_tells_the_past_must_be_one_of_the_model():
    class Half(Lifetime):
        """Purchases and spending, without how long ago the last was."""

        features = (DAYS, FIRST, SPENT)
        estimator = Estimator()

    messages = [problem.message for problem in Half.problems()]
    assert any("'recency.days_since_order' is none of the features" in message for message in messages)
    assert any("'xgboost' is not known" in message for message in messages)
    assert Lifetime.problems() == []
    assert LifetimeValue().name == Lifetime.task.name == "lifetime_value"


def test_a_card_of_values_says_nothing_of_probabilities(trained, evaluation):
    texts = cards(Lifetime, trained, evaluation, DATASET)
    assert "what came was " in texts["card"] and "实际平均为 " in texts["card_zh"]
    assert "came true" not in texts["card"] and "a probability" not in texts["card"]
    assert "baseline `past rate`" in texts["card"]
    mae = [evaluation.metrics[name] for name in ("mae", "mae_low", "mae_high", "mae_of_rate")]
    assert "| MAE | {:.3f} | {:.3f} – {:.3f} | {:.3f} |".format(*mae) in texts["card"]
    assert f"| 平均绝对误差 | {mae[0]:.3f} |" in texts["card_zh"]


def test_a_reviewer_computes_figures_of_the_past_rate_from_the_rows_of_the_record(evaluation):
    rows = pd.read_csv(StringIO(scored_rows(Lifetime, evaluation, "run")))
    assert abs(rows["past_rate"] - rows["label"]).mean() == pytest.approx(evaluation.metrics["mae_of_rate"])
    assert abs(rows["value"] - rows["label"]).mean() == pytest.approx(evaluation.metrics["mae"])


def test_the_plot_is_png_and_deterministic(evaluation):
    def picture():
        plots = Lifetime.task.plots(Lifetime, evaluation.scores, evaluation.test, evaluation.metrics, "lifetime")
        plots["value_by_tenth"].savefig(file := BytesIO(), **PLAIN)
        return file.getvalue()

    assert picture().startswith(b"\x89PNG") and picture() == picture()


def test_a_champion_scores_as_it_was_evaluated_and_without_our_packages(trained, evaluation, tmp_path):
    copy_registry(tmp_path)
    registry = Registry(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts")
    assert registry.record(Lifetime, trained, evaluation, DATASET).champion
    scores = registry.champion("lifetime").predict(LATER, COLUMNS)
    assert scores.to_numpy() == pytest.approx(evaluation.scores, rel=1e-12)
    LATER[list(Lifetime.features)].to_parquet(tmp_path / "rows.parquet")
    [model] = (tmp_path / "artifacts").rglob("MLmodel")
    code = f"""
import mlflow.pyfunc, pandas as pd, sys
scores = mlflow.pyfunc.load_model("{model.parent}").predict(pd.read_parquet("{tmp_path}/rows.parquet"))
assert not {{"ml", "quanyu"}} & set(sys.modules), "our packages were loaded"
scores.to_parquet("{tmp_path}/scores.parquet")
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env={"PATH": ""})
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "scores.parquet"), scores)
