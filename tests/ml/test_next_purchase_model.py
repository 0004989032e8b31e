"""The model of the next purchase: trained on simulated customers, judged on a later period, and served."""

import subprocess
import sys
from datetime import date
from io import BytesIO, StringIO

import numpy as np
import pandas as pd
import pytest
from shop import copy_registry
from sklearn.metrics import roc_auc_score

from ml.lifecycle.evaluate import evaluate
from ml.lifecycle.registry import Registry
from ml.lifecycle.tracking import PLAIN, Dataset, scored_rows
from ml.lifecycle.train import TooLittleDataError, train
from ml.next_purchase import NextPurchase
from ml.tasks.next_purchase import figures, plain_days
from quanyu.grammar.model_spec import Label

DAY = date(2024, 6, 30)
TEST, TRAINING = NextPurchase.test_cutoff(DAY), NextPurchase.training_cutoffs(DAY)[0]
GAPS, TYPICAL, LAST, FIRST = NextPurchase.features
COLUMNS = list(NextPurchase.task.columns)


def purchases(count=900, days=500, seed=3):
    """Days with a purchase of simulated customers, each with a rhythm of his own, until he leaves."""
    random, rows = np.random.default_rng(seed), []
    for customer in range(count):
        own, leaves, at = 13 * np.exp(random.normal(0, 0.7)), random.beta(0.8, 25), float(random.integers(0, 250))
        while at < days:
            rows.append((f"customer-{customer:05}", int(at)))
            if random.random() < leaves:
                break
            at += max(1.0, own * np.exp(random.normal(0, 1.2)))
    frame = pd.DataFrame(rows, columns=["customer_id", "day"]).drop_duplicates()
    frame["day"] = pd.Timestamp(DAY) - pd.to_timedelta(days - 1 - frame["day"], unit="day")
    return frame


def known_on(bought, cutoff):
    """Features and label of a cutoff, written without the feature engine."""
    at, end = pd.Timestamp(cutoff), pd.Timestamp(cutoff) + pd.Timedelta(days=90)
    past = bought[bought["day"] <= at].sort_values(["customer_id", "day"])
    gaps = past.groupby("customer_id")["day"].diff().dt.days
    grouped = past.groupby("customer_id")["day"]
    later = bought[(bought["day"] > at) & (bought["day"] <= end)].groupby("customer_id")["day"].min()
    frame = pd.DataFrame({
        GAPS: grouped.size() - 1.0, TYPICAL: gaps.groupby(past["customer_id"]).median(),
        LAST: (at - grouped.max()).dt.days.astype(float), FIRST: (at - grouped.min()).dt.days.astype(float),
    })  # fmt: skip
    frame["label"] = (later.reindex(frame.index) - at).dt.days
    return frame[frame[GAPS] > 0].assign(cutoff=at).reset_index()


BOUGHT = purchases()
PAST, LATER = known_on(BOUGHT, TRAINING), known_on(BOUGHT, TEST)


@pytest.fixture(scope="module")
def trained():
    return train(NextPurchase, PAST)


@pytest.fixture(scope="module")
def evaluation(trained):
    return evaluate(NextPurchase, trained, LATER, training=PAST)


def test_days_are_foretold_better_than_by_the_own_gap_and_coming_better_than_by_recency(evaluation):
    assert evaluation.passed, [str(result) for result in evaluation.gates]
    assert evaluation.metrics["mae_below_gap"] > 0.5
    assert evaluation.metrics["auc_over_baseline_low"] > 0
    assert evaluation.metrics["foretold_to_actual"] == pytest.approx(1, abs=0.2)
    assert evaluation.metrics["coverage"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("column", "figure"), [(0, "over_champion_high"), (3, "coming_over_champion_high")])
def test_a_champion_that_knows_better_when_or_whether_they_come_stays(trained, evaluation, column, figure):
    better, came = evaluation.scores.copy(), evaluation.labels > 0
    better[:, column] = came if column else np.where(came, evaluation.labels, 90)
    [reason] = evaluate(NextPurchase, trained, LATER, champion_scores=better, training=PAST).reasons
    assert reason.startswith(f"{figure} >= 0: -") and "champion of today is surely better" in reason
    assert evaluate(NextPurchase, trained, LATER, champion_scores=evaluation.scores, training=PAST).passed


def test_the_due_day_lies_between_its_quartiles_and_coming_is_a_probability(evaluation):
    due, low, high, comes = evaluation.scores.T
    assert ((low >= 0) & (low <= due) & (due <= high)).all() and ((comes >= 0) & (comes <= 1)).all()


def test_training_is_the_same_whatever_the_order_of_rows_and_earlier_cutoffs_add_nothing(trained):
    earlier = known_on(BOUGHT, TRAINING - pd.Timedelta(days=60))
    shuffled = pd.concat([PAST, earlier]).sample(frac=1, random_state=7)
    assert np.array_equal(train(NextPurchase, shuffled, nthread=2).predict(LATER), trained.predict(LATER))


def test_the_plain_rule_is_the_own_gap_less_the_days_since():
    assert plain_days(np.array([(3.0, 30.0, 10.0, 100.0), (3.0, 30.0, 40.0, 100.0)])).tolist() == [20.0, 0.0]


def test_metrics_of_a_worked_example():
    labels = np.array([10.0, np.nan, 40.0, np.nan])
    predictions = np.array([(12, 5, 20, 0.9), (50, 20, 90, 0.2), (30, 10, 35, 0.6), (9, 5, 20, 0.3)], float)
    past = np.array([(2, 15, 10, 40), (2, 15, 60, 90), (2, 50, 20, 90), (2, 50, 5, 60)], float)
    metrics = figures(predictions, labels, past)
    assert (metrics["came"], metrics["mae"], metrics["mae_of_gap"], metrics["mae_below_gap"]) == (2, 6.0, 7.5, 1.5)
    assert (metrics["median_error"], metrics["coverage"], metrics["foretold_to_actual"]) == (6.0, 0.5, 1.0)
    # Of who came within 30 days and the three others, by days foretold: one of three is foretold sooner.
    assert metrics["auc"] == pytest.approx(2 / 3) and metrics["auc_of_coming"] == 1
    assert metrics["baseline_auc"] == pytest.approx(2 / 3)


def test_a_period_in_which_nobody_came_passes_no_gate_and_is_not_learned_from(trained):
    nobody = LATER.assign(label=np.nan)
    judged = evaluate(NextPurchase, trained, nobody)
    assert np.isnan(judged.metrics["mae"]) and not judged.passed
    assert NextPurchase.task.plots(NextPurchase, judged.scores, nobody, judged.metrics, "next") == {}
    with pytest.raises(TooLittleDataError, match=r"none of .* rows bought in the horizon"):
        train(NextPurchase, PAST.assign(label=np.nan))


def test_a_feature_that_tells_the_past_and_a_label_of_days_are_needed():
    class Other(NextPurchase):
        """When customers buy next, without their gaps."""

        features = (TYPICAL, LAST, FIRST)
        label = Label("orders", horizon_days=90, where="purchase")

    messages = [problem.message for problem in Other.problems()]
    assert any("'rhythm.gaps' is none of the features" in message for message in messages)
    assert any("learns a label of the kind DaysUntil" in message for message in messages)
    assert NextPurchase.problems() == []


def test_a_reviewer_computes_figures_of_the_plain_rules_from_the_rows_of_the_record(evaluation):
    rows = pd.read_csv(StringIO(scored_rows(NextPurchase, evaluation, "run")))
    came = rows[rows["label"] > 0]
    assert abs(came["own_gap"] - came["label"]).mean() == pytest.approx(evaluation.metrics["mae_of_gap"])
    soon = rows["label"] <= 30
    assert roc_auc_score(soon, -rows["days_since"]) == pytest.approx(evaluation.metrics["baseline_auc"])


def test_plots_are_png_and_deterministic(evaluation):
    def pictures():
        plots = NextPurchase.task.plots(
            NextPurchase, evaluation.scores, evaluation.test, evaluation.metrics, "next_purchase"
        )
        files = {name: BytesIO() for name in plots}
        for name, figure in plots.items():
            figure.savefig(files[name], **PLAIN)
        return {name: file.getvalue() for name, file in files.items()}

    drawn = pictures()
    assert sorted(drawn) == ["coming_by_tenth", "days_by_tenth"] and drawn == pictures()
    assert all(picture.startswith(b"\x89PNG") for picture in drawn.values())


def test_a_champion_scores_as_it_was_evaluated_and_without_our_packages(trained, evaluation, tmp_path):
    copy_registry(tmp_path)
    registry = Registry(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts")
    assert registry.record(
        NextPurchase, trained, evaluation, Dataset(DAY, {"gold/rhythm": 3}, TEST, (TRAINING,))
    ).champion
    scores = registry.champion("next_purchase").predict(LATER, COLUMNS)
    assert scores.to_numpy() == pytest.approx(evaluation.scores, rel=1e-12)
    LATER[list(NextPurchase.features)].to_parquet(tmp_path / "rows.parquet")
    [model] = (tmp_path / "artifacts").rglob("MLmodel")
    code = f"""
import mlflow.pyfunc, pandas as pd, sys
scores = mlflow.pyfunc.load_model("{model.parent}").predict(pd.read_parquet("{tmp_path}/rows.parquet"))
assert not {{"ml", "quanyu"}} & set(sys.modules), "our packages were loaded"
scores.to_parquet("{tmp_path}/scores.parquet")
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env={"PATH": ""})
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "scores.parquet"), scores)
