"""The monitor measures drift and what came true, and asks for a training without forcing one."""

import numpy as np
import pytest
from visitors import DAY, labelled, opened, scored, stored, trained

from ml.lifecycle.frames import dataset
from ml.lifecycle.registry import Registry
from ml.lifecycle.scoring.drift import distribution, psi
from ml.lifecycle.scoring.monitor_plot import plot


def test_the_index_is_0_for_the_same_distribution_and_large_for_another():
    random = np.random.default_rng(1)
    values = random.normal(size=5000)
    bins = distribution(values)
    assert psi(bins, values) == pytest.approx(0, abs=1e-9)
    assert psi(bins, random.normal(size=5000)) < 0.02
    assert psi(bins, random.normal(1, size=5000)) > 0.5
    assert psi(bins, np.where(random.random(5000) < 0.3, np.nan, values)) > 0.25, "values that are missing now"


def test_the_index_of_a_worked_example():
    bins = {"edges": [1.0], "shares": [0.5, 0.5, 0.0]}
    expected = 0.25 * np.log(0.75 / 0.5) - 0.25 * np.log(0.25 / 0.5)
    assert psi(bins, np.array([0.0, 0.0, 0.5, 2.0])) == pytest.approx(expected)
    assert distribution(np.array([3.0, 3.0, np.nan, np.nan])) == {"edges": [3.0], "shares": [0.0, 0.5, 0.5]}


@pytest.fixture
def shop(retailer, monkeypatch):
    return opened(retailer, monkeypatch)


def measures(shop):
    columns = ("model", "scored_on", "measure", "subject", "value")
    return {tuple(map(str, key)): value for *key, value in shop.rows("gold/model_monitoring", *columns)}


def test_drift_is_measured_daily_and_asks_for_a_training(shop, monkeypatch):
    trained(shop, DAY, "leaving")
    scored(shop)
    assert shop.run(DAY, "monitor")["monitor"].alerts == {}
    assert set(measures(shop)) == {
        ("leaving", DAY, "psi", "visits.visits"), ("leaving", DAY, "psi", "visits.visits_90d"),
        ("leaving", DAY, "psi", "score"),
    }  # fmt: skip
    assert max(measures(shop).values()) < 0.25

    def moved(context, spec):
        return stored(context, spec).assign(**{"visits.visits": 9.5})

    monkeypatch.setattr(dataset, "stored", moved)
    scored(shop, "2024-07-02")
    outcome = shop.run("2024-07-02", "monitor")["monitor"]
    [alert] = outcome.alerts.values()
    assert "leaving: its score has drifted (PSI" in alert and "train.leaving --force" in alert
    assert "leaving: not as in its training (PSI): visits.visits (" in outcome.notes[0]
    assert [version.version for version in Registry.of(shop.settings).versions("leaving")] == [1]
    figure = plot(shop.context(DAY), "leaving")
    figure.savefig(shop.home / "plot.png")
    assert (shop.home / "plot.png").stat().st_size > 5000


def test_scores_are_compared_with_what_came_true_once_the_horizon_is_over(shop, monkeypatch):
    cutoff, over = "2024-07-07", "2024-08-09"
    trained(shop, cutoff, "leaving")
    scored(shop, cutoff)

    def turned(context, spec, *cutoffs):
        frame = labelled(context, spec, *cutoffs).rows
        return dataset.LabelledFrame(frame.assign(label=frame["customer_id"].isin(unlikely).astype(float)), ())

    rows = shop.rows("gold/scores_customer", "score", "customer_id")
    unlikely = [customer for score, customer in sorted(rows)[: len(rows) // 2]]
    monkeypatch.setattr(dataset, "labelled", turned)
    assert shop.run("2024-08-05", "monitor")["monitor"].alerts == {}, "the horizon is not over"
    # Nothing ran on the day on which it was over.
    outcome = shop.run(over, "monitor")["monitor"]
    came = {measure: value for (_, day, measure, _), value in measures(shop).items() if day == cutoff}
    assert came["auc"] == 0.0
    assert came["calibration"] == pytest.approx(np.mean([score for score, _ in rows]) / 0.5)
    assert "AUC came to 0.000" in outcome.notes[0]
    again = shop.run("2024-08-12", "monitor")["monitor"]
    assert len([key for key in measures(shop) if key[2] == "auc"]) == 1 and again.alerts == {}


def test_scores_by_a_version_that_was_trained_later_do_not_count(shop):
    trained(shop, "2024-08-09", "leaving")
    # A day made up for: its outcome was known when the version was trained.
    scored(shop, "2024-07-07")
    scored(shop, "2024-08-09")
    shop.run("2024-08-10", "monitor")
    assert [key for key in measures(shop) if key[2] != "psi"] == []
    shop.run("2024-09-12", "monitor")
    assert {key[1] for key in measures(shop) if key[2] != "psi"} == {"2024-08-09"}


def test_a_model_that_cannot_be_monitored_is_named_and_the_other_goes_on(shop, monkeypatch):
    trained(shop, DAY, "leaving")
    trained(shop, DAY, "staying")
    scored(shop)

    def broken(context, spec):
        if spec.name == "leaving":
            raise ValueError("broken")
        return stored(context, spec)

    monkeypatch.setattr(dataset, "stored", broken)
    outcome = shop.run(DAY, "monitor")["monitor"]
    assert list(outcome.alerts) == ["leaving is not monitored"]
    assert "ValueError" in outcome.alerts["leaving is not monitored"]
    assert {model for model, *_ in measures(shop)} == {"staying"}
