"""`quanyu model`: which version scores, promotion and rollback by hand, with who and why."""

import json
import sqlite3

import pytest
from command_line import quanyu
from shop import ROOT, Retailer
from visitors import DAY, changed, opened, people, scored, trained

from ml.lifecycle.frames import dataset
from ml.lifecycle.frames.dataset import LabelledFrame
from ml.lifecycle.registry import Registry

SECOND, THIRD = "2024-07-08", "2024-07-15"


@pytest.fixture
def shop(retailer, monkeypatch):
    return opened(retailer, monkeypatch)


def model(shop, *words):
    answer = quanyu("model", *words, "--conf", str(shop.conf), "--home", str(shop.home))
    return answer.returncode, answer.stdout + answer.stderr


def aliases(shop, name="leaving"):
    return {version.version: version.aliases for version in Registry.of(shop.settings).versions(name)}


def test_the_champion_is_replaced_by_a_better_one_and_kept_as_the_previous_one(shop):
    trained(shop, DAY, "leaving")
    assert aliases(shop) == {1: ("champion",)}
    trained(shop, SECOND, "leaving")
    assert aliases(shop) == {1: ("previous",), 2: ("champion",)}
    trained(shop, THIRD, "leaving")
    assert aliases(shop) == {1: (), 2: ("previous",), 3: ("champion",)}


def test_a_rollback_gives_the_scores_back_to_the_old_version_and_is_noted(shop):
    trained(shop, DAY, "leaving")
    trained(shop, SECOND, "leaving")
    assert scored(shop, SECOND)[0] == {"leaving": (200, {"2"})}
    code, words = model(shop, "rollback", "leaving", "--by", "Ann", "--why", "useless list")
    assert code == 0 and "version 1 of 2024-07-01 is the champion again" in " ".join(words.split())
    assert aliases(shop) == {1: ("champion",), 2: ()}
    assert scored(shop, SECOND)[0] == {"leaving": (200, {"1"})}
    assert Registry.of(shop.settings).versions("leaving")[0].decisions == ("withdrawn by Ann: useless list",)
    code, words = model(shop, "rollback", "leaving", "--why", "again")
    assert code != 0 and "no previous champion" in words
    # The same training again does not bring back what a person withdrew.
    trained(shop, SECOND, "leaving", force=True)
    assert aliases(shop)[1] == ("champion",)
    assert model(shop, "promote", "leaving", "2", "--by", "Bob", "--why", "it was right")[0] == 0
    assert aliases(shop) == {1: ("previous",), 2: ("champion",)}
    assert Registry.of(shop.settings).versions("leaving")[0].decisions == ("promoted by Bob: it was right",)


def test_a_version_that_failed_is_promoted_only_anyway(shop):
    changed(shop, "ml/visitors.py", "at_least=0.6", "at_least=0.999")
    trained(shop, DAY, "leaving")
    assert scored(shop)[0] == {}
    code, words = model(shop, "promote", "leaving", "1", "--why", "we need a list")
    assert code != 0 and "failed its gates (auc >= 0.999: " in " ".join(words.split())
    assert model(shop, "promote", "leaving", "1", "--why", "we need a list", "--anyway")[0] == 0
    assert scored(shop, SECOND)[0] == {"leaving": (200, {"1"})}


def test_a_version_of_another_declaration_is_not_promoted(shop):
    trained(shop, DAY, "leaving")
    changed(shop, "ml/visitors.py", "visits.visits > 0", "visits.visits > 1")
    code, words = model(shop, "promote", "leaving", "1", "--why", "it was good")
    assert code != 0 and "declared otherwise than version 1" in " ".join(words.split())
    code, words = model(shop, "promote", "leaving", "9", "--why", "it was good")
    assert code != 0 and "has no version 9" in " ".join(words.split())
    code, words = model(shop, "show", "leafing")
    assert code != 0 and "leaving" in words


def test_the_pages_show_versions_with_figures_beside_the_baseline_and_reasons(shop, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert "not trained yet" in model(shop, "show", "leaving")[1]
    trained(shop, DAY, "leaving")
    changed(shop, "ml/visitors.py", "at_least=0.6", "at_least=0.999")
    trained(shop, SECOND, "leaving")
    words = model(shop, "show", "leaving")[1]
    assert "baseline AUC" in words and "champion" in words and "auc >= 0.999:" in words
    listed = model(shop, "list")[1]
    assert "version 1, of another declaration" in " ".join(listed.split()) and "none yet" in listed


def test_reasons_are_in_the_description_of_version_and_run(shop):
    changed(shop, "ml/visitors.py", "at_least=0.6", "at_least=0.999")
    trained(shop, DAY, "leaving")
    registry = Registry.of(shop.settings)
    with registry.client() as client:
        version = client.get_model_version("leaving", "1")
        run = client.get_run(version.run_id)
        experiment = client.get_experiment(run.info.experiment_id)
    assert "auc >= 0.999: " in version.description and version.description == run.data.tags["mlflow.note.content"]
    assert experiment.tags["mlflow.note.content"] == "No visit in the next 30 days."
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert len(run.data.tags.get("mlflow.source.git.commit", "")) == (40 if (ROOT / ".git").exists() else 0)


def test_a_version_is_reproduced_from_its_pins(shop, monkeypatch):
    trained(shop, DAY, "leaving")
    code, words = model(shop, "reproduce", "leaving", "1")
    assert code == 0 and "the training data is the same" in words and "metrics are as recorded" in words
    assert not (shop.home / "reproduce").exists()
    other = lambda context, spec, *days, share: LabelledFrame(people(spec, days, seed=9), ())  # noqa: E731
    monkeypatch.setattr(dataset, "labelled", other)
    code, words = model(shop, "reproduce", "leaving", "1")
    assert code == 1 and "NOT the same" in words and "auc: recorded 0." in words


def test_expired_pins_are_said(shop):
    trained(shop, DAY, "leaving")
    registry = Registry.of(shop.settings)
    [version] = registry.versions("leaving")
    expired = {**registry.logged(version, "dataset.json"), "tables": {"gold/scores_customer": 0}}
    scored(shop)
    for file in (shop.home / "lake" / "gold" / "scores_customer").glob("*.parquet"):
        file.unlink()
    expired["tables"]["gold/scores_customer"] = shop.context(DAY).lake.version("gold/scores_customer")
    [file] = shop.home.rglob("dataset.json")
    file.write_text(json.dumps(expired))
    code, words = model(shop, "reproduce", "leaving", "1")
    assert code != 0 and "the pins of leaving version 1 have expired" in " ".join(words.split())


def test_a_home_can_be_moved(shop, tmp_path):
    trained(shop, DAY, "leaving")
    before = scored(shop)[0]
    target = tmp_path / "elsewhere"
    target.mkdir()
    for folder in (shop.home, shop.conf):
        folder.rename(target / folder.name)
    moved = Retailer.at(target)
    assert before == scored(moved, SECOND)[0] == {"leaving": (200, {"1"})}
    assert str(shop.home) not in "\n".join(database(moved.home / "mlflow.db"))
    trained(moved, SECOND, "leaving")
    assert aliases(moved) == {1: ("previous",), 2: ("champion",)}
    assert not shop.home.exists()


def database(file):
    return sqlite3.connect(file).iterdump()
