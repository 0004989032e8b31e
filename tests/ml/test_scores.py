"""Columns of a score: tenths of the day's population, and reasons in words that add up to the margin."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pasts import pasts
from visitors import DAY, opened, scored, trained

from ml.buying.no_purchase import PurchasePast, probability_of_none
from ml.churn import Churn
from ml.lifecycle.frames import dataset
from ml.lifecycle.registry import Champion, Registry
from ml.lifecycle.scoring.reasons import number, reasons, rounded
from ml.lifecycle.scoring.scores import deciles, labels_of
from ml.lifecycle.scoring.scores import scored as scores_of
from ml.lifecycle.serving import served
from ml.lifecycle.train import train
from ml.tasks.binary_classification import BinaryClassification
from quanyu.errors import ConfigError
from quanyu.grammar.model_spec import AnyOf, Estimator


def test_the_first_tenth_has_the_highest_scores_and_equal_scores_are_in_one_tenth():
    assert deciles(np.arange(20) / 20).tolist() == [10, 10, 9, 9, 8, 8, 7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert deciles(np.array([0.1, 0.9, 0.9, 0.9])).tolist() == [8, 1, 1, 1]
    assert deciles(np.array([])).tolist() == []


ROWS = pd.DataFrame({
    "recency.days": [120.0, 3.0, 34.0], "value.orders": [1.0, 9.0, 4.0], "value.orders_90d": [0.0, 7.0, None],
    "value.spend": [1234.567, 10.0, 50.0],
})  # fmt: skip
LABELS = {"recency.days": "距上次下单 Days since the last order", "value.orders": "Orders",
          "value.orders_90d": "Orders in 90 days", "value.spend": "Money spent"}  # fmt: skip


def test_reasons_name_measure_value_and_usual_value_the_strongest_first_and_windows_are_one_reason():
    parts = np.array([
        [0.9, 0.2, 0.5, -0.1, -1.0],
        [-0.9, -0.1, -0.05, 0.0, -1.0],
        [0.0, 0.0, 0.3, 0.0, -1.0],
    ])  # fmt: skip
    assert reasons(ROWS, tuple(ROWS), parts, LABELS).to_pylist() == [
        ["↑ 距上次下单 Days since the last order: 120, usually 34", "↑ Orders in 90 days: 0, usually 3.5",
         "↓ Money spent: 1,235, usually 50"],
        ["↓ 距上次下单 Days since the last order: 3, usually 34", "↓ Orders: 9, usually 4"],
        ["↑ Orders in 90 days: unknown, usually 3.5"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "words"),
    [(120.0, "120"), (0.12345, "0.123"), (1234.567, "1,235"), (0.0, "0"), (-3.456, "-3.46"), (np.nan, "unknown"),
     (1e6, "1,000,000"), (99.96, "100")],
)  # fmt: skip
def test_values_have_the_digits_that_a_reader_needs(value, words):
    assert number(float(rounded(np.array([value]))[0])) == words


def test_a_frame_without_rows_or_explanation_has_no_reasons():
    class Spec:
        """A model."""

        task, entity, name = (
            BinaryClassification(flag="likely", above=0.1),
            type("Entity", (), {"key": "customer_id"}),
            "leaving",
        )

    rows = ROWS.assign(customer_id=["a", "b", "c"])
    champion = Champion("leaving", 1, None, ("value.spend",), lambda frame: [0.3, 0.2, 0.1])
    table = scores_of(champion, Spec, rows, LABELS)
    assert table.column_names == ["customer_id", "model", "version", "score", "likely", "decile"]
    assert (table["decile"].to_pylist(), table["likely"].to_pylist()) == ([1, 4, 7], [True, True, False])
    assert len(scores_of(champion, Spec, rows.head(0), LABELS)) == 0


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39])
def test_one_customer_with_a_huge_value_has_no_score_and_the_others_have(retailer, monkeypatch, value):
    shop = opened(retailer, monkeypatch)
    trained(shop, DAY, "leaving")
    stored = dataset.stored

    def with_huge(context, spec):
        rows = stored(context, spec)
        rows.loc[3, "visits.visits"] = value
        return rows

    with monkeypatch.context() as patched:
        patched.setattr(dataset, "stored", with_huge)
        rows, outcome = scored(shop)
    assert rows == {"leaving": (199, {"1"})} and outcome.alerts == {}
    assert (
        "leaving: 1 of 200 customers have no score: a value of visits.visits is infinite or too large" in outcome.notes
    )
    context = shop.context(DAY)
    champion = Registry.of(shop.settings).champion("leaving")
    for ask in (champion.ask, champion.explain):
        with pytest.raises(ConfigError, match=r"visits\.visits: a value is infinite or too large"):
            ask(with_huge(context, context.catalogue.models["leaving"]))


def test_what_features_add_is_the_margin_and_the_table_has_words_and_tenths(retailer, monkeypatch):
    shop = opened(retailer, monkeypatch)
    trained(shop, DAY, "leaving")
    scored(shop)
    registry, context = Registry.of(shop.settings), shop.context(DAY)
    spec = context.catalogue.models["leaving"]
    rows = dataset.stored(context, spec)
    features = rows[list(spec.features)].astype("float64")
    parts, loaded = registry.champion("leaving").explain(features), registry._loader("leaving", 1)()
    import xgboost

    booster = loaded.unwrap_python_model().booster
    margins = booster.predict(xgboost.DMatrix(features.to_numpy()), output_margin=True)
    np.testing.assert_allclose(parts.sum(axis=1), margins, atol=1e-5)
    labels = labels_of(context.catalogue, spec)
    assert labels == {"visits.visits": "来访 Visits", "visits.visits_90d": "Visits in 90 days"}
    columns = ("customer_id", "score", "decile", "reasons", "at_risk")
    written = {row[0]: row[1:] for row in shop.rows("gold/scores_customer", *columns)}
    assert {score > 0.6 for score, *_ in written.values()} == {True, False}
    assert all(flag == (score > 0.6) for score, _, _, flag in written.values())
    expected = reasons(rows, spec.features, parts, labels).to_pylist()
    assert [list(written[key][2]) for key in rows["customer_id"]] == expected
    best, worst = max(written.values()), min(written.values())
    assert (best[1], worst[1] > 5) == (1, True)
    assert {words[0] for row in expected for words in row} == {"↑", "↓"}


@pytest.mark.parametrize(
    ("settings", "key"),
    [({"flag": "score"}, "task.flag"), ({"flag": "At risk"}, "task.flag"), ({"above": 1.5}, "task.above")],
)
def test_a_flag_is_a_name_of_its_own_and_its_bound_a_probability(settings, key):
    class Flagged(Churn):
        """Churn with another flag."""

        task = BinaryClassification(**settings)

    assert key in [mistake for mistake, _ in Flagged.task.problems(Flagged)]
    assert Churn.task.problems(Churn) == [] and "at_risk" in Churn.score_columns()


def test_a_million_rows_are_no_lists_of_python():
    count = 200_000
    random = np.random.default_rng(1)
    rows = pd.DataFrame({name: random.gamma(1.5, 40, count) for name in ROWS})
    parts = random.normal(size=(count, len(ROWS.columns) + 1))
    words = reasons(rows, tuple(rows), parts, LABELS)
    assert isinstance(words, pa.ListArray) and len(words) == count
    assert len(words.flatten().unique()) < count / 4, "values are rounded, so that a text is written once"


def customers(count=3000):
    """Customers of one cutoff whose rows tell their past, and whether they buy no more."""
    random = np.random.default_rng(7)
    past = pasts(random, count)
    frame = pd.DataFrame({feature: random.gamma(1, 10, count) for feature in Churn.features})
    share = past["recency.days_since_order"] / past["recency.days_since_first"]
    label = (random.random(count) < share).astype(float)
    return frame.assign(**past, customer_id=[f"c{n:05}" for n in range(count)], cutoff=pd.Timestamp("2024-05-01"),
                        label=label)  # fmt: skip


def test_what_bg_nbd_adds_counts_for_the_last_purchase_and_margins_add_up():
    rows = customers()
    trained = train(Churn, rows)
    predictor, matrix = trained.predictor, rows[list(Churn.features)].to_numpy()
    history, places = predictor.history, {name: place for place, name in enumerate(Churn.features)}
    none = probability_of_none(history, matrix)
    import xgboost

    columns = predictor.booster.predict(
        xgboost.DMatrix(np.column_stack([matrix[:, history["own"]], none])), pred_contribs=True
    )
    parts = served.attributed(columns, history, len(Churn.features))
    raw = predictor.booster.predict(xgboost.DMatrix(np.column_stack([matrix[:, history["own"]], none])))
    assert parts.sum(axis=1) == pytest.approx(np.log(raw / (1 - raw)), abs=1e-4)
    own = history["own"].index(places["recency.days_since_order"])
    assert parts[:, places["recency.days_since_order"]] == pytest.approx(columns[:, own] + columns[:, -2])
    assert not parts[:, [places["rhythm.purchase_days"], places["recency.days_since_first"]]].any()
    assert np.abs(columns[:, -2]).mean() > 0.1, "the probability is used"
    assert trained.facts["bg_nbd"] == history


def test_a_label_of_any_purchase_falls_with_the_probability_of_none():
    class Returning(Churn):
        """Buys in the next 90 days."""

        label = AnyOf("orders", horizon_days=90, where="purchase")
        estimator = Estimator(params={"n_estimators": 20, "max_depth": 3})

    rows = customers()
    trained = train(Returning, rows.assign(label=1 - rows["label"]))
    by_none = rows.assign(none=probability_of_none(trained.predictor.history, rows[list(Churn.features)].to_numpy()))
    scores = trained.predict(by_none.sort_values("none"))
    assert scores[:300].mean() > scores[-300:].mean() + 0.2


def test_a_past_that_is_none_of_the_features_is_named():
    class Unlisted(Churn):
        """Churn that does not list what BG/NBD reads."""

        features = Churn.features[:-1]
        task = BinaryClassification(past=PurchasePast())

    assert "'recency.days_since_first' is none of the features" in dict(Unlisted.task.problems(Unlisted))["task.past"]
