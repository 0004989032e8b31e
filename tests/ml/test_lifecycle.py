import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from shop import copy_registry

from ml.lifecycle.evaluate import evaluate
from ml.lifecycle.facts import TrainingFacts
from ml.lifecycle.registry import Champion, Registry
from ml.lifecycle.stage import TrainStage
from ml.lifecycle.tracking import PLAIN, Dataset
from ml.lifecycle.train import TooLittleDataError, train
from ml.tasks.binary_classification import BinaryClassification
from quanyu.errors import ConfigError, QuanyuError
from quanyu.grammar.model_spec import Baseline, Estimator, MetricGate, ModelSpec, NoneOf
from quanyu.model.entities import Customer
from quanyu.run.runner import Outcome, Result

DAY = date(2011, 12, 9)


class Leaving(ModelSpec):
    """Leaves with a probability that rises with recency and falls with orders."""

    entity, owner, population = Customer, "growth", "recency.days < 365"
    label = NoneOf("orders", 90)
    task = BinaryClassification()
    features = ("recency.days", "value.orders", "value.noise")
    estimator = Estimator(
        params={"n_estimators": 60, "max_depth": 3}, rising=("recency.days",), falling=("value.orders",)
    )
    baseline = Baseline("value.orders", "less")
    gates = (
        MetricGate("auc", at_least=0.7),
        MetricGate("auc_over_baseline", at_least=0.0),
        MetricGate("ece", at_most=0.1),
    )


def people(cutoffs, count=700, seed=1):
    """Customers with a known truth: the chance of leaving is a logistic function of recency and orders."""
    random = np.random.default_rng(seed)
    frames = []
    for cutoff in cutoffs:
        days, orders = random.uniform(0, 365, count), random.poisson(4, count) + 1.0
        chance = 1 / (1 + np.exp(-(days / 60 - orders / 1.5)))
        frame = pd.DataFrame({"recency.days": days, "value.orders": orders, "value.noise": random.normal(size=count)})
        frame["value.noise"] = frame["value.noise"].where(random.random(count) > 0.2)
        frame["customer_id"] = [f"customer-{n:05}" for n in range(count)]
        frame["cutoff"] = pd.Timestamp(cutoff)
        frame["label"] = random.random(count) < chance
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


PAST = people(Leaving.training_cutoffs(DAY)[:3])
LATER = people([Leaving.test_cutoff(DAY)], seed=2)
DATASET = Dataset(DAY, {"gold/value": 3}, Leaving.test_cutoff(DAY), tuple(Leaving.training_cutoffs(DAY)[:3]))


@pytest.fixture(scope="module")
def trained():
    return train(Leaving, PAST)


@pytest.fixture(scope="module")
def evaluation(trained):
    return evaluate(Leaving, trained, LATER)


def test_a_trained_model_ranks_well_and_is_calibrated(evaluation):
    assert evaluation.metrics["auc"] > 0.85
    assert evaluation.metrics["auc_over_baseline"] > 0.05
    assert evaluation.metrics["ece"] < 0.06
    assert evaluation.metrics["test_rows"] == 700
    assert evaluation.metrics["lift_at_10pct"] > 1.5
    assert evaluation.passed


@pytest.mark.parametrize("calibration", ["isotonic", "sigmoid"])
def test_training_is_the_same_whatever_the_order_of_rows_and_threads(calibration):
    class Spec(Leaving):
        """As above."""

        task = BinaryClassification(calibration)

    first = train(Spec, PAST)
    shuffled = PAST.sample(frac=1, random_state=7)[sorted(PAST.columns, reverse=True)]
    second = train(Spec, shuffled, nthread=2)
    assert np.array_equal(first.predict(LATER), second.predict(LATER))
    assert first.facts == second.facts
    assert ((first.predict(LATER) >= 0) & (first.predict(LATER) <= 1)).all()


def test_declared_monotone_directions_hold(trained):
    rows = pd.DataFrame({"recency.days": np.linspace(0, 400, 50), "value.orders": 3.0, "value.noise": 0.0})
    assert (np.diff(trained.predict(rows)) >= 0).all()


def test_decimals_integers_and_nulls_are_read_as_numbers(trained):
    rows = pd.DataFrame({"value.noise": [None], "recency.days": [Decimal("30.00")], "value.orders": [3]})
    assert trained.predict(rows).shape == (1,)


def test_training_on_outcomes_after_the_test_cutoff_is_refused(trained):
    too_early = LATER.assign(cutoff=pd.Timestamp("2011-09-09"))
    with pytest.raises(ConfigError, match="not known at test cutoff 2011-09-09"):
        evaluate(Leaving, trained, too_early)


def test_missing_features_are_named(trained):
    with pytest.raises(ConfigError, match=r"value\.noise"):
        trained.predict(LATER.drop(columns="value.noise"))


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (PAST.head(10), TooLittleDataError),
        (PAST.assign(label=False), TooLittleDataError),
        (PAST.assign(label=True), TooLittleDataError),
        (PAST.assign(**{"value.noise": None}), TooLittleDataError),
        (pd.concat([PAST, PAST.head(1)]), ConfigError),
    ],
    ids=["few rows", "nobody left", "all left", "a feature without a value", "a customer twice"],
)
def test_data_that_cannot_be_trained_on_is_refused_with_a_reason(frame, error):
    with pytest.raises(error, match="leaving"):
        train(Leaving, frame)


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 1e39])
def test_an_infinite_or_huge_value_is_named_in_training_and_in_scoring(trained, value):
    rows = PAST.assign(**{"value.orders": [value, *PAST["value.orders"][1:]]})
    for act in (lambda: train(Leaving, rows), lambda: trained.predict(rows)):
        with pytest.raises(ConfigError, match=r"value\.orders: a value is infinite or too large"):
            act()


def test_a_single_outcome_has_no_metrics_and_passes_no_gate(trained):
    alone = evaluate(Leaving, trained, LATER.assign(label=False))
    assert not alone.passed
    assert np.isnan(alone.metrics["auc"]) and alone.metrics["positives"] == 0


def test_plots_are_png_and_deterministic(evaluation):
    def pictures():
        plots = Leaving.task.plots(Leaving, evaluation.scores, LATER, evaluation.metrics, "leaving")
        files = {name: BytesIO() for name in plots}
        for name, plot in plots.items():
            plot.savefig(files[name], **PLAIN)
        return {name: file.getvalue() for name, file in files.items()}

    first = pictures()
    assert set(first) == {"roc", "pr", "calibration", "gain"} and first == pictures()
    assert all(picture.startswith(b"\x89PNG") for picture in first.values())


@pytest.fixture
def registry(tmp_path):
    copy_registry(tmp_path)
    return Registry(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts")


def count_runs(registry):
    with registry._client() as client:
        experiment = client.get_experiment_by_name("leaving")
        return len(client.search_runs([experiment.experiment_id]))


def test_a_champion_scores_as_it_was_evaluated(registry, trained, evaluation):
    recorded = registry.record(Leaving, trained, evaluation, DATASET)
    assert (recorded.version, recorded.champion, recorded.new) == (1, True, True)
    champion = registry.champion("leaving")
    assert (champion.version, champion.trained_on, champion.features) == (1, DAY, Leaving.features)
    assert np.array_equal(champion.predict(LATER, ["score"])["score"], evaluation.scores)


def test_a_prediction_of_several_columns_gives_them_by_name():
    champion = Champion("two", 1, DAY, ("value.orders",), lambda rows: np.outer(rows["value.orders"], [1, 10]))
    rows = pd.DataFrame({"value.orders": [3, 4]}, index=[7, 8])
    expected = pd.DataFrame({"value": [3.0, 4.0], "upper": [30.0, 40.0]}, index=[7, 8])
    pd.testing.assert_frame_equal(champion.predict(rows, ["value", "upper"]), expected)


def test_the_summary_has_a_panel_for_each_task():
    facts = [
        TrainingFacts("spend", {"test_rows": 2000.0, "mae": 1234.5}, False, {"mae": "MAE"}),
        TrainingFacts("churn", {"test_rows": 700.0, "auc": 0.75, "ece": 0.04}, True, {"auc": "AUC"}),
        TrainingFacts("leaving", {"test_rows": 70.0, "auc": 0.5, "ece": 0.1}, True, {"auc": "AUC"}),
        TrainingFacts("older", {"test_rows": 7.0, "auc": 0.6}, True),
    ]
    results = [Result(f"train.{each.model}", "done", 1.0, Outcome(facts=each)) for each in facts]
    panels = [
        ([column.header for column in panel.columns], [list(column.cells) for column in panel.columns])
        for panel in TrainStage().report(results)
    ]
    assert panels == [
        (["model", "champion", "MAE", "tested on"], [["spend"], ["no"], ["1,234.500"], ["2,000"]]),
        (
            ["model", "champion", "AUC", "tested on"],
            [["churn", "leaving"], ["yes", "yes"], ["0.750", "0.500"], ["700", "70"]],
        ),
        (["model", "champion", "auc", "tested on"], [["older"], ["yes"], ["0.600"], ["7"]]),
    ]


def test_a_model_without_versions_has_no_champion(registry):
    assert registry.champion("leaving") is None
    assert registry.versions("leaving") == []


def test_the_same_training_is_recorded_once(registry, trained, evaluation):
    registry.record(Leaving, trained, evaluation, DATASET)
    again = registry.record(Leaving, train(Leaving, PAST), evaluation, DATASET)
    assert (again.version, again.champion, again.new) == (1, True, False)
    assert count_runs(registry) == 1
    changed = registry.record(Leaving, trained, evaluation, replace(DATASET, tables={"gold/value": 4}))
    assert (changed.version, changed.new) == (2, True)


@pytest.mark.parametrize("step", ["log_model", "create_model_version", "set_registered_model_alias"])
def test_a_killed_recording_is_repeated_and_leaves_no_run(registry, trained, evaluation, step, monkeypatch):
    import mlflow

    class Killed(BaseException):
        pass

    def killed(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(mlflow.pyfunc if step == "log_model" else mlflow.MlflowClient, step, killed)
        with pytest.raises(Killed):
            registry.record(Leaving, trained, evaluation, DATASET)
    assert registry.champion("leaving") is None
    recorded = registry.record(Leaving, trained, evaluation, DATASET)
    assert (recorded.version, recorded.champion) == (1, True)
    assert count_runs(registry) == 1


def test_failed_gates_leave_the_champion_and_count_as_trained(registry, trained, evaluation):
    registry.record(Leaving, trained, evaluation, DATASET)
    later = replace(DATASET, day=date(2011, 12, 16))
    failed = replace(evaluation, gates=tuple(replace(result, passed=False) for result in evaluation.gates))
    assert not registry.record(Leaving, trained, failed, later).champion
    assert registry.champion("leaving").version == 1
    assert registry.versions("leaving")[0].trained_on == date(2011, 12, 16)


def test_training_for_an_earlier_day_does_not_replace_the_champion(registry, trained, evaluation):
    registry.record(Leaving, trained, evaluation, DATASET)
    earlier = replace(DATASET, day=date(2011, 12, 2))
    assert not registry.record(Leaving, trained, evaluation, earlier).champion
    assert registry.champion("leaving").version == 1
    assert [(version.trained_on, version.aliases) for version in registry.versions("leaving")] == [
        (date(2011, 12, 2), ("challenger",)), (DAY, ("champion",)),
    ]  # fmt: skip


def test_a_record_describes_its_data_without_personal_data(registry, trained, evaluation, tmp_path):
    registry.record(Leaving, trained, evaluation, DATASET)
    files = [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {
        "dataset.json",
        "gates.json",
        "calibration.png",
        "gain.png",
        "roc.png",
        "pr.png",
        "importance.png",
        "booster.json",
        "MLmodel",
        "card.md",
        "card_zh.md",
        "tenths.csv",
        "test_scores.csv",
    } <= names
    assert not any(path.suffix in (".pkl", ".pickle") for path in files)
    assert not any(b"customer-0" in path.read_bytes() for path in files)
    # A home can be moved, and its record tells nobody of the machine that it came from.
    places = [str(tmp_path), tempfile.gettempdir(), str(Path(__file__).parents[2]), sys.prefix]
    assert not any(place.encode() in path.read_bytes() for path in files for place in places)
    database = (tmp_path / "mlflow.db").read_bytes()
    assert not any(place.encode() in database for place in places)
    dataset = next(path for path in files if path.name == "dataset.json").read_text()
    assert '"gold/value": 3' in dataset and "2011-06-12" in dataset
    with registry._client() as client:
        [run] = client.search_runs([client.get_experiment_by_name("leaving").experiment_id])
    assert run.data.metrics["auc"] == pytest.approx(evaluation.metrics["auc"])
    assert run.data.params["max_depth"] == "3"
    assert run.inputs.dataset_inputs[0].dataset.source == '{"gold/value": 3}'


def test_a_recorded_model_runs_without_our_packages(registry, trained, evaluation, tmp_path):
    registry.record(Leaving, trained, evaluation, DATASET)
    [model] = (tmp_path / "artifacts").rglob("MLmodel")
    code = (
        "import sys; sys.modules.update(ml=None, quanyu=None)\n"
        "import mlflow.pyfunc, pandas as pd\n"
        "rows = pd.DataFrame([[30.0, 3.0, 0.5]], columns=['recency.days', 'value.orders', 'value.noise'])\n"
        "print(mlflow.pyfunc.load_model(sys.argv[1]).predict(rows)[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(model.parent)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    rows = pd.DataFrame({"recency.days": [30.0], "value.orders": [3.0], "value.noise": [0.5]})
    assert float(done.stdout) == pytest.approx(trained.predict(rows)[0])


def test_recording_is_silent_and_restores_mlflow_settings(registry, trained, evaluation, capfd, recwarn):
    import mlflow

    before = mlflow.get_tracking_uri()
    registry.record(Leaving, trained, evaluation, DATASET)
    registry.champion("leaving").predict(LATER, ["score"])
    assert mlflow.get_tracking_uri() == before
    assert capfd.readouterr() == ("", "")
    assert [str(warning.message) for warning in recwarn if "mlflow" in warning.filename] == []


def test_an_unusable_database_is_reported_with_its_address(tmp_path):
    with pytest.raises(QuanyuError, match="MLflow at"):
        Registry("nonsense://x", tmp_path).prepare()
