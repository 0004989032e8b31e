"""The rows of a training are a table whose version the record names; a run may leave models out."""

from datetime import date

import deltalake
import numpy as np
import pytest
from visitors import DAY, labelled, opened, trained

from ml.lifecycle.registry import Registry
from quanyu.run import tasks
from quanyu.run.runner import perform


@pytest.fixture
def shop(retailer, monkeypatch):
    return opened(retailer, monkeypatch)


def record(shop, number):
    registry = Registry.of(shop.settings)
    version = next(each for each in registry.versions("leaving") if each.version == number)
    return registry.logged(version, "dataset.json")


def test_the_record_names_the_version_of_its_rows_and_another_model_leaves_them(shop):
    trained(shop, DAY, "leaving")
    facts = record(shop, 1)
    pinned, cutoffs = facts["training_set"], [*facts["training_cutoffs"], facts["test_cutoff"]]
    trained(shop, DAY, "staying")
    context = shop.context(DAY)
    spec, place = context.catalogue.models["leaving"], pinned["table"]
    assert place == "gold/training_customer" and context.lake.version(place) > pinned["version"]
    folder = str(shop.home / "lake" / place)
    stored = deltalake.DeltaTable(folder, version=pinned["version"]).to_pandas()
    assert set(stored["model"]) == {"leaving"} and len(stored) == pinned["rows"]
    assert {str(day) for day in stored.loc[stored["use"] == "test", "cutoff"]} == {facts["test_cutoff"]}
    rows = labelled(context, spec, *map(date.fromisoformat, cutoffs)).rows
    both = stored.merge(rows, on=["customer_id", "cutoff"], suffixes=("", "_now"))
    assert len(both) == len(stored) and (both["label"] == both["label_now"]).all()
    assert np.array_equal(np.stack(both["features"]), both[list(spec.features)].to_numpy())
    now = deltalake.DeltaTable(folder).to_pandas()
    assert set(now["model"]) == {"leaving", "staying"}


def test_a_run_trains_the_models_that_it_names_alone(shop, monkeypatch):
    monkeypatch.setenv("QUANYU_TRAIN", "leaving")
    context = tasks.context_of(shop.context(DAY).day)
    assert context.trains == ("leaving",)
    tasks.close()
    context = shop.context(DAY)
    context.trains = ("leaving",)
    notes = [perform(context, context.step(f"train.{name}")).outcome.notes[0] for name in ("leaving", "staying")]
    assert "champion" in notes[0]
    assert notes[1] == "not trained: this run trains leaving alone (--train)"
    assert "champion" in shop.run(DAY, "train.staying")["train.staying"].notes[0]


def test_an_unknown_model_is_named(shop):
    from command_line import quanyu

    answer = quanyu("run", "--day", DAY, "--train", "leavin", "--conf", str(shop.conf), "--home", str(shop.home))
    assert answer.returncode == 2 and "unknown model 'leavin'" in answer.stdout + answer.stderr
