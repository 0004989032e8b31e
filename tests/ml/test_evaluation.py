"""Figures of a test period, the gates on them, and leaks: each on data with a known truth."""

from dataclasses import replace
from datetime import date
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from ml.churn import Churn
from ml.evaluation.binary import BinaryTest, paired
from ml.evaluation.card import cards
from ml.evaluation.costs import ContactPrice
from ml.evaluation.ranking import Ranking
from ml.evaluation.resamples import intervals, point
from ml.evaluation.segments import by_segment, worst
from ml.evaluation.unknown_values import best_share, placed
from ml.lifecycle.evaluate import evaluate
from ml.lifecycle.frames.data_notes import on_identities
from ml.lifecycle.tracking import Dataset, scored_rows
from ml.lifecycle.train import train
from ml.tasks.binary_classification import BinaryClassification, ranks
from quanyu.grammar.model_spec import Baseline, Estimator, MetricGate, ModelSpec, NoneOf
from quanyu.grammar.offers.assignments import CampaignAssignments
from quanyu.grammar.task import Task
from quanyu.model.entities import Customer
from quanyu.point_in_time.frame import Frame

CUTOFFS = [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01"), pd.Timestamp("2024-06-01")]


class Quitting(ModelSpec):
    """Quits with a probability that rises with recency and falls with orders."""

    entity, owner, population = Customer, "growth", "recency.days < 365"
    label = NoneOf("orders", 90)
    task = BinaryClassification("sigmoid", contact_cost=1.0, margin=4.0)
    features = ("recency.days", "value.orders")
    estimator = Estimator(params={"n_estimators": 40, "max_depth": 3})
    baseline = Baseline("value.orders", "less")
    segments = ("rfm.monetary",)
    gates = (
        MetricGate("auc_over_baseline_low", at_least=0.0),
        MetricGate("calibration_in_the_large", at_least=0.8, at_most=1.25),
        MetricGate("segment_auc", at_least=0.6),
        MetricGate("segment_calibration", at_most=1.3),
    )


def people(cutoff, count=900, seed=1, **columns):
    """Customers whose chance of quitting is a logistic function of recency and orders."""
    random = np.random.default_rng(seed)
    days, orders = random.uniform(0, 365, count), random.poisson(4, count) + 1.0
    chance = 1 / (1 + np.exp(-(days / 60 - orders / 1.5)))
    frame = pd.DataFrame({"recency.days": days, "value.orders": orders, "cutoff": cutoff, **columns})
    frame["customer_id"] = [f"customer-{n:05}" for n in range(count)]
    frame["rfm.monetary"] = random.choice(["high", "low"], count)
    frame["label"] = random.random(count) < chance
    return frame


PAST = pd.concat([people(cutoff, seed=seed) for seed, cutoff in enumerate(CUTOFFS[:2])], ignore_index=True)
LATER = people(CUTOFFS[2], seed=9)
LABELS = LATER["label"].to_numpy("float64")


@pytest.fixture(scope="module")
def trained():
    return train(Quitting, PAST)


def passed_gates(evaluation):
    return {result.gate.metric: result.passed for result in evaluation.gates}


def test_figures_equal_those_of_scikit_learn_also_with_ties():
    random = np.random.default_rng(3)
    labels = (random.random(400) < 0.3).astype(float)
    for scores in (random.random(400), np.round(random.random(400), 1)):
        figures = point(BinaryTest(scores, labels, scores, 0.3).figures, 400)
        assert figures["auc"] == pytest.approx(roc_auc_score(labels, scores))
        assert figures["average_precision"] == pytest.approx(average_precision_score(labels, scores))
        assert figures["brier"] == pytest.approx(brier_score_loss(labels, scores))
        assert figures["logloss"] == pytest.approx(log_loss(labels, np.clip(scores, 1e-15, 1 - 1e-15)))
        assert figures["calibration_in_the_large"] == pytest.approx(scores.mean() / labels.mean())


def test_a_weight_counts_a_row_as_often_as_it_was_drawn():
    random = np.random.default_rng(4)
    scores, labels = np.round(random.random(60), 1), (random.random(60) < 0.4).astype(float)
    weights = random.integers(0, 4, (5, 60)).astype(float)
    figures = Ranking(scores, labels).figures(weights)
    for row, drawn in enumerate(weights.astype(int)):
        rows = np.repeat(np.arange(60), drawn)
        assert figures["auc"][row] == pytest.approx(roc_auc_score(labels[rows], scores[rows]))
        expected = average_precision_score(labels[rows], scores[rows])
        assert figures["average_precision"][row] == pytest.approx(expected)


def test_without_rows_a_ranking_has_no_figure():
    nobody = Ranking(np.array([]), np.array([]))
    assert all(np.isnan(values).tolist() == [True] * 3 for values in nobody.figures(np.ones((3, 0))).values())
    assert nobody.shares.tolist() == []


def test_metrics_of_a_worked_example():
    labels = np.array([1.0, 0.0] * 50)
    perfect = BinaryTest(labels * 0.98 + 0.01, labels, labels, 0.5).metrics()
    assert perfect["auc"] == perfect["average_precision"] == perfect["baseline_auc"] == 1.0
    assert perfect["ece"] == pytest.approx(0.01)
    assert perfect["lift_at_10pct"] == 2.0
    flat = BinaryTest(np.full(100, 0.5), labels, labels, 0.5).metrics()
    assert (flat["auc"], flat["brier"], flat["lift_at_10pct"]) == (0.5, 0.25, 1.0)
    assert flat["logloss"] == pytest.approx(np.log(2))


def test_an_interval_holds_the_true_mean_about_95_times_of_100():
    random = np.random.default_rng(5)
    inside = 0
    for seed in range(100):
        values = random.normal(size=80)
        bounds = intervals(lambda weights, values=values: {"mean": weights @ values / 80}, 80, 200, seed)
        inside += bounds["mean_low"] <= 0 <= bounds["mean_high"]
    assert 88 <= inside <= 99


def test_resamples_in_blocks_are_the_same_figures(monkeypatch):
    values = np.random.default_rng(6).normal(size=50)
    whole = intervals(lambda weights: {"mean": weights @ values / 50}, 50, 100)
    monkeypatch.setattr("ml.evaluation.resamples.MOST_CELLS", 7 * 50)
    assert intervals(lambda weights: {"mean": weights @ values / 50}, 50, 100) == pytest.approx(whole)


@pytest.mark.parametrize(
    ("share", "gaps"),
    [(0.0, [-1, -2, -3, -4, -5, -np.inf]), (0.5, [-1, -2, -3, -4, -5, -3]), (1.0, [-1, -2, -3, -4, -5, np.inf])],
)
def test_a_null_of_a_baseline_is_above_a_share_of_its_values_whichever_way_it_points(share, gaps):
    rows = pd.DataFrame({"gap": [1.0, 2.0, 3.0, 4.0, 5.0, None]})
    assert placed(ranks(Baseline("gap", "less"), rows), share).tolist() == gaps
    assert ranks(Baseline("gap", "more"), rows).tolist()[:5] == [1, 2, 3, 4, 5]
    assert placed(ranks(Baseline("gap", "less"), rows.assign(gap=None)), share).tolist() == [0] * 6


@pytest.mark.parametrize(("of_unknown", "share"), [(0.0, 0.0), (1.0, 1.0), (0.5, 0.5)])
def test_unknown_values_are_where_they_rank_best(of_unknown, share):
    values, random = np.arange(1000.0), np.random.default_rng(1)
    labels = (random.random(1000) < values / 1000).astype(float)
    unknown = np.arange(1000) % 4 == 0
    labels[unknown] = (random.random(250) < of_unknown).astype(float)
    assert best_share(np.where(unknown, np.nan, values), labels) == pytest.approx(share, abs=0.1)
    assert best_share(values, labels) == best_share(values * np.nan, labels) == 0.5


@pytest.mark.parametrize(("label", "kind"), [(0.0, "less"), (1.0, "less"), (0.0, "more"), (1.0, "more")])
def test_a_perfect_baseline_with_nulls_is_not_beaten(label, kind):
    # Of one outcome, half have no value: a plain rule would know it by that.
    class OfGap(Quitting):
        """As above."""

        baseline = Baseline("value.gap", kind)

    def with_gap(rows):
        gap = pd.Series(np.where(rows["label"] == (kind == "more"), 9.0, 1.0))
        hidden = (rows["label"] == label) & (np.arange(len(rows)) % 2 > 0)
        return rows.assign(**{"value.gap": gap.mask(hidden)})

    evaluation = evaluate(OfGap, train(OfGap, with_gap(PAST)), with_gap(LATER))
    assert evaluation.metrics["baseline_auc"] == 1
    assert not passed_gates(evaluation)["auc_over_baseline_low"]
    assert any("may rank no better than the baseline alone" in reason for reason in evaluation.reasons)


def test_a_model_as_good_as_its_baseline_does_not_pass_by_luck(trained):
    random = np.random.default_rng(8)
    truth = trained.predict(LATER)
    scores, other = (truth + random.normal(0, 0.1, len(truth)) for _ in range(2))
    alike = LATER.assign(**{"value.orders": -other})
    metrics = Quitting.task.evaluate(Quitting, scores, alike, trained.facts)
    assert abs(metrics["auc_over_baseline"]) < 0.01
    assert metrics["auc_over_baseline_low"] < 0 < metrics["auc_over_baseline_high"]


def test_a_good_model_passes_and_says_how_sure_its_figures_are(trained):
    evaluation = evaluate(Quitting, trained, LATER, training=PAST)
    assert evaluation.passed, evaluation.reasons
    metrics = evaluation.metrics
    assert metrics["auc_low"] < metrics["auc"] < metrics["auc_high"]
    assert metrics["auc_over_baseline_low"] > 0.1
    assert metrics["brier"] < metrics["baseline_brier"]
    assert 0.85 < metrics["random_split_auc"] < metrics["training_auc"] < 1
    assert evaluation.tables["tenths"]["rows"].tolist() == [90] * 10
    assert evaluation.tables["importance"]["feature"][0] == "recency.days"
    # How long scores take is of the machine.
    again = evaluate(Quitting, trained, LATER, training=PAST).metrics
    assert again | {"scoring_seconds": 0} == metrics | {"scoring_seconds": 0}


@pytest.mark.parametrize(("noise", "replaces"), [(0.0, True), (0.02, True), (4.0, False)])
def test_a_champion_is_replaced_unless_it_is_surely_better(trained, noise, replaces):
    champion = trained.predict(LATER)
    scores = champion + np.random.default_rng(2).normal(0, noise, len(champion))
    metrics = paired(scores, champion, LABELS)
    assert (metrics["over_champion_high"] >= 0) == replaces


def test_the_gate_on_the_champion_holds_for_every_model(trained):
    better = LABELS * 0.5 + trained.predict(LATER) * 0.5
    evaluation = evaluate(Quitting, trained, LATER, champion_scores=better)
    assert not evaluation.passed
    [reason] = evaluation.reasons
    assert "champion of today is surely better" in reason
    assert "over_champion" not in evaluate(Quitting, trained, LATER).metrics


def test_a_comparison_with_the_champion_that_says_nothing_keeps_it(trained, monkeypatch):
    monkeypatch.setattr(BinaryClassification, "compare", lambda *_: {})
    [reason] = evaluate(Quitting, trained, LATER, champion_scores=trained.predict(LATER)).reasons
    assert reason.startswith("over_champion_high >= 0: nan")


def test_a_task_without_a_comparison_of_its_own_is_compared_by_its_errors(trained, monkeypatch):
    monkeypatch.setattr(BinaryClassification, "compare", Task.compare)
    better = LABELS * 0.5 + trained.predict(LATER) * 0.5
    metrics = evaluate(Quitting, trained, LATER, champion_scores=better).metrics
    assert metrics["over_champion"] == pytest.approx(-abs(trained.predict(LATER) - LABELS).mean() / 2)
    assert metrics["over_champion_low"] < metrics["over_champion"] < metrics["over_champion_high"] < 0


def test_probabilities_that_are_too_high_fail_on_the_whole_and_in_each_tenth(trained):
    scores = np.clip(trained.predict(LATER) * 1.5 + 0.05, 0, 1)
    metrics = Quitting.task.evaluate(Quitting, scores, LATER, trained.facts)
    assert metrics["calibration_in_the_large_low"] > 1.25
    assert metrics["tenths_on_one_side"] >= 9 and metrics["one_sided_shift"] > 0.1
    right = Quitting.task.evaluate(Quitting, trained.predict(LATER), LATER, trained.facts)
    assert right["one_sided_shift"] < 0.05 and abs(right["one_sided_error"]) < 0.1


@pytest.mark.parametrize(
    ("foretold", "came", "passes"), [(0.37, 0.42, False), (0.40, 0.42, True), (0.50, 0.43, True), (0.52, 0.425, False)]
)
def test_nearly_all_tenths_to_one_side_fail_although_the_whole_is_within_its_band(trained, foretold, came, passes):
    """The first is what a churn model foretold that all gates let pass."""
    margins = np.random.default_rng(3).normal(0, 1.5, 4000)

    def with_mean(share):
        shifted = [1 / (1 + np.exp(-margins - shift)) for shift in np.linspace(-2, 2, 800)]
        return min(shifted, key=lambda chances: abs(chances.mean() - share))

    chances, real = with_mean(foretold), with_mean(came)
    rows = pd.concat([LATER] * 5).head(4000).reset_index(drop=True)
    rows["label"] = np.random.default_rng(4).random(4000) < real
    metrics = Quitting.task.evaluate(Quitting, chances, rows, trained.facts)
    gates = {gate.metric: gate.passes(metrics[gate.metric]) for gate in Churn.gates if gate.metric in metrics}
    assert gates["calibration_in_the_large"] and gates["one_sided_error"] == passes
    assert 0.8 < metrics["calibration_in_the_large"] < 1.25


def test_a_segment_in_which_the_model_fails_is_named(trained):
    poor = LATER.copy()
    low = (poor["rfm.monetary"] == "low").to_numpy()
    poor.loc[low, "label"] = np.random.default_rng(3).permutation(poor.loc[low, "label"]) & (
        np.arange(low.sum()) % 2 > 0
    )
    evaluation = evaluate(Quitting, trained, poor)
    passed = passed_gates(evaluation)
    assert not passed["segment_auc"] and not passed["segment_calibration"]
    segments = evaluation.tables["segments"].set_index("value")
    assert segments.loc["low", "auc_high"] < 0.6 < segments.loc["high", "auc_low"]


def test_segments_of_few_rows_are_left_out_and_unknown_values_are_one():
    rows = LATER.assign(**{"rfm.monetary": ["few"] * 90 + [None] * 810})
    table = by_segment(["rfm.monetary"], np.full(900, 0.5), rows)
    assert table["value"].tolist() == ["unknown"]
    assert np.isnan(worst(table.head(0))["segment_auc"])


def test_contacts_bring_what_their_margin_is_less_their_cost():
    scores, labels = np.array([0.9, 0.6, 0.3, 0.1]), np.array([1.0, 0.0, 1.0, 0.0])
    test = BinaryTest(scores, labels, -scores, 0.5, ContactPrice(cost=1.0, margin=2.0))
    figures = point(test.figures, 4)
    assert figures["contacted_share"] == 0.5
    assert figures["profit"] == 1000 * (2 - 2) / 4
    assert figures["baseline_profit"] == 1000 * (2 - 2) / 4
    assert figures["profit_of_all"] == 1000 * (4 - 4) / 4
    assert ContactPrice(1.0, 2.0).curve(test.ranking).tolist() == [0, 250, 0, 250, 0]


def test_a_feature_that_knows_the_outcome_blocks():
    knows = [frame.assign(**{"value.orders": np.where(frame["label"], 9.0, 1.0)}) for frame in (PAST, LATER)]
    leaking = train(Quitting, knows[0])
    evaluation = evaluate(Quitting, leaking, knows[1], training=knows[0])
    assert not evaluation.passed
    assert any("value.orders knows the outcome" in leak for leak in evaluation.leaks)
    texts = cards(Quitting, leaking, evaluation, Dataset(date(2024, 8, 30), {}, date(2024, 6, 1), (date(2024, 2, 1),)))
    assert "knows the outcome: alone it ranks" in texts["card"] and "knows the outcome" not in texts["card_zh"]
    assert "- value.orders 提前知道了结果：单凭它排序的 AUC 就有 1.000，" in texts["card_zh"]


def test_a_feature_whose_nulls_know_the_outcome_blocks():
    knows = [frame.assign(**{"value.orders": frame["value.orders"].where(frame["label"])}) for frame in (PAST, LATER)]
    evaluation = evaluate(Quitting, train(Quitting, knows[0]), knows[1], training=knows[0])
    assert any("value.orders knows the outcome" in leak for leak in evaluation.leaks)


def test_an_easy_outcome_that_several_features_foretell_is_no_leak():
    both = [frame.assign(**{"recency.days": frame["label"] * 9.0, "value.orders": frame["label"] * 5.0 + 1})
            for frame in (PAST, LATER)]  # fmt: skip

    class Easy(Quitting):
        """As above."""

        task = BinaryClassification(too_good=1.1)

    assert evaluate(Easy, train(Easy, both[0]), both[1], training=both[0]).leaks == ()


def test_a_learner_that_reaches_the_outcome_of_the_test_is_found(monkeypatch):
    from ml.evaluation import leaks
    from ml.lifecycle.train import examples_of, inputs

    rows = (inputs(LATER, Quitting.features), LABELS)
    examples = examples_of(Quitting, PAST)
    found = leaks.learned_from_nothing(examples, rows, lambda matrix, labels, others: LABELS + matrix[0, 0], 1)
    assert "models of shuffled labels rank with an AUC of 1.000" in found[0]
    random = np.random.default_rng(1)
    assert leaks.learned_from_nothing(examples, rows, lambda *_: random.random(len(LABELS)), 1) == []


def test_a_search_chooses_by_training_cutoffs_alone_and_is_recorded():
    class Searched(Quitting):
        """As above."""

        estimator = replace(Quitting.estimator, search={"max_depth": [1, 3], "learning_rate": [0.0001, 0.3]})

    chosen = train(Searched, PAST)
    trials = chosen.facts["search"]
    assert len(trials) == 4
    assert chosen.facts["params"]["learning_rate"] == 0.3
    assert min(trials, key=lambda trial: trial["loss"])["params"] == chosen.facts["params"]
    assert train(Searched, PAST).facts == chosen.facts


def test_a_calibration_has_a_cutoff_of_its_own_where_four_others_were_known_on_it(monkeypatch):
    from ml.evaluation import calibration
    from ml.lifecycle.boosting import Boosting
    from ml.lifecycle.train import examples_of

    days = pd.to_datetime(["2023-01-01", "2023-02-01", "2023-03-01", "2023-04-01", "2023-12-01"])
    rows = pd.concat([people(day, 200, seed) for seed, day in enumerate(days)])
    boosting = Boosting(Quitting, "binary:logistic", 1, 1)
    scores, labels = calibration.held_out(Quitting, boosting, examples_of(Quitting, rows))
    newest = rows[rows["cutoff"] == days[-1]].sort_values("customer_id")
    assert labels.tolist() == newest["label"].astype(float).tolist()
    assert roc_auc_score(labels, scores) > 0.8
    fewer = examples_of(Quitting, rows[rows["cutoff"] > days[0]])
    assert len(calibration.held_out(Quitting, boosting, fewer)[0]) == 800


def test_a_card_says_whether_it_may_be_used_and_why_not_in_both_languages(trained):
    frame = Frame(PAST, 4, 3, 0, date(2024, 5, 1))
    data = Dataset(date(2024, 8, 30), {}, date(2024, 6, 1), (date(2024, 2, 1),), tuple(on_identities(frame)))
    good = cards(Quitting, trained, evaluate(Quitting, trained, LATER, training=PAST), data)
    metrics = evaluate(Quitting, trained, LATER).metrics
    assert set(good) == {"card", "card_zh"}
    assert "May be used" in good["card"] and "可以使用" in good["card_zh"]
    for text in good.values():
        assert f"| {metrics['auc']:.3f} | {metrics['auc_low']:.3f} – {metrics['auc_high']:.3f} |" in text
        assert "rfm.monetary" in text and "customer-0" not in text
    since = "3 of 4 rows have identities as valid today: the log of customer ids begins on 2024-05-01"
    assert f"- {since}\n" in good["card"] and since not in good["card_zh"]
    assert "- 4 行中有 3 行按今天的身份归并：客户编号日志始于 2024-05-01\n" in good["card_zh"]
    better = LABELS * 0.5 + trained.predict(LATER) * 0.5
    poor = cards(Quitting, trained, evaluate(Quitting, trained, LATER, better), data)
    assert "Must not be used" in poor["card"] and "surely better" in poor["card"]
    assert "不得使用" in poor["card_zh"] and "现用模型在同一批客户上确实更好" in poor["card_zh"]


def test_scores_of_the_test_rows_give_the_figures_again_and_name_nobody(trained):
    evaluation = evaluate(Quitting, trained, LATER)
    rows = pd.read_csv(StringIO(scored_rows(Quitting, evaluation, "run")))
    assert roc_auc_score(rows["label"], rows["score"]) == pytest.approx(evaluation.metrics["auc"])
    assert roc_auc_score(rows["label"], -rows["baseline"]) == pytest.approx(evaluation.metrics["baseline_auc"])
    assert rows["row"].is_unique and rows["row"].str.fullmatch("[0-9a-f]{16}").all()
    other = pd.read_csv(StringIO(scored_rows(Quitting, evaluation, "another")))
    assert not set(rows["row"]) & set(other["row"])


def test_each_plot_has_axes_a_title_and_the_baseline(trained):
    evaluation = evaluate(Quitting, trained, LATER)
    plots = Quitting.task.plots(Quitting, evaluation.scores, LATER, evaluation.metrics, "quitting")
    assert set(plots) == {"roc", "pr", "calibration", "gain", "cost"}
    for name, plot in plots.items():
        [axes] = plot.axes
        assert axes.get_xlabel() and axes.get_ylabel() and axes.get_title(loc="left") == "quitting", name
        texts = [text.get_text() for text in axes.get_legend().get_texts()]
        beside = "share in training" if name == "calibration" else "value.orders"
        assert any(text.startswith(beside) for text in texts), name


def test_a_task_needs_what_its_gates_name():
    class Incomplete(Quitting):
        """As above."""

        task = BinaryClassification(contact_cost=2.0)
        segments = ()
        gates = (MetricGate("profit_low", at_least=0.0), MetricGate("segment_auc", at_least=0.5))

    messages = [str(problem) for problem in Incomplete.problems()]
    assert any("a contact costs something, and less than it may bring" in message for message in messages)
    assert any("'segment_auc' needs segments" in message for message in messages)

    class Free(Quitting):
        """As above."""

        task = BinaryClassification()
        gates = (MetricGate("profit_low", at_least=0.0),)

    assert any("needs contact_cost and margin" in str(problem) for problem in Free.problems())


def test_an_interval_draws_customers_whose_rows_are_alike_and_not_their_rows():
    random, inside, customers, each = np.random.default_rng(7), {"rows": 0, "customers": 0}, 40, 4
    units = np.repeat(np.arange(customers), each)
    for seed in range(100):
        # What a customer does lasts from one campaign to the next.
        values = np.repeat(random.normal(size=customers), each) + random.normal(0, 0.3, customers * each)
        for name, drawn in (("rows", None), ("customers", units)):
            bounds = intervals(lambda w, v=values: {"mean": w @ v / w.sum(axis=1)}, len(values), 200, seed, drawn)
            inside[name] += bounds["mean_low"] <= 0 <= bounds["mean_high"]
    assert inside["rows"] < 80 and 88 <= inside["customers"] <= 99


def test_figures_of_customers_who_came_more_than_once_have_wider_intervals(trained):
    # The same rows again, as of another campaign: nothing more is known of these customers.
    twice = pd.concat([LATER, LATER], ignore_index=True)
    again = evaluate(Quitting, trained, twice, champion_scores=np.tile(trained.predict(LATER) ** 2, 2))
    once = evaluate(Quitting, trained, LATER, champion_scores=trained.predict(LATER) ** 2)
    for name in ("auc_low", "brier_high", "segment_auc", "over_champion_low"):
        assert again.metrics[name] == pytest.approx(once.metrics[name], abs=1e-9)
    assert again.tables["segments"]["auc_high"].tolist() == pytest.approx(once.tables["segments"]["auc_high"].tolist())


def test_rows_of_campaigns_say_who_drew_them_and_a_customer_has_a_row_for_each(trained):
    class Drawn(Quitting):
        """As above."""

        experiment = CampaignAssignments()

    evaluation = evaluate(Quitting, trained, LATER)
    campaigns = [f"C{place}" for place in range(len(LATER))]
    test = LATER.assign(customer_id="one", campaign=campaigns, arm="mail", probability=0.25)
    rows = pd.read_csv(StringIO(scored_rows(Drawn, replace(evaluation, test=test), "run")))
    assert rows["row"].is_unique and set(rows["campaign"]) == set(campaigns)
    assert set(rows["arm"]) == {"mail"} and set(rows["probability"]) == {0.25}
