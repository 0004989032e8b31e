"""Stages are found by their files; the facts of their outcomes survive the store."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from quanyu import discover
from quanyu.errors import ConfigError
from quanyu.run import facts
from quanyu.run.stage import Stage

ROOT = Path(__file__).parents[2]
KINDS = [kind for stage in discover.stages() for kind in stage.facts]
EXAMPLES = {"int": 3, "float": 0.5, "str": "word", "bool": True, "Mapping[str, int]": {"a": 1},
            "Mapping[str, float]": {"a": 0.5},
            "Mapping[str, str]": {"a": "b"},
            "Mapping[str, Mapping[str, int]]": {"a": {"b": 1}},
            "Mapping[str, Mapping[str, Mapping[str, float]]]": {"a": {"b": {"c": 0.5}}}}  # fmt: skip
NEW_STAGE = '''
"""A stage of a retailer's own."""
from quanyu.run.runner import Outcome, Step
from quanyu.run.stage import Stage


class GreetingStage(Stage):
    name = "greeting"
    after = ("unify",)

    def steps(self, catalogue):
        return [Step("greeting", "greeting", (), (), "1", lambda context, receipt: Outcome(1))]

    def check(self, catalogue, problems) -> None:
        problems.add("greeting.yml", "words", "nobody to greet")
'''
NEW_COMMAND = """
from quanyu.cli import say


def greet() -> None:
    say("good morning")


def add(app) -> None:
    app.command()(greet)
"""
STEPS = """
from types import SimpleNamespace
from quanyu import discover
names = [stage.name for stage in discover.stages()]
[step] = [stage for stage in discover.stages() if stage.name == "greeting"][0].steps(None)
print(step.name, names.index("unify") < names.index("greeting"))
"""


def example(kind):
    return kind(**{each.name: EXAMPLES[each.type] for each in dataclasses.fields(kind)})


def test_the_stages_of_a_day_come_in_their_order():
    names = [stage.name for stage in discover.stages()]
    daily = [
        "ingest", "unify", "features", "train", "score", "audiences", "exports", "plans", "journeys", "catalogue",
        "insight", "metrics", "upkeep",
    ]  # fmt: skip
    assert [name for name in names if name in daily] == daily
    assert len(names) == len(set(names))


def test_every_step_names_the_stage_that_brings_it(retailer):
    catalogue = retailer.context("2024-07-01").catalogue
    wrong = [step.name for each in discover.stages() for step in each.steps(catalogue) if step.stage != each.name]
    assert wrong == []


def test_stages_that_wait_for_each_other_are_an_error(monkeypatch):
    class Hen(Stage):
        name, after = "hen", ("egg",)

    class Egg(Stage):
        name, after = "egg", ("hen",)

    monkeypatch.setattr(discover, "beside", lambda base: [Hen(), Egg()])
    with pytest.raises(ConfigError, match=r"stages wait for each other: .*hen"):
        discover.stages()


def test_a_new_file_brings_a_step_a_command_and_a_check(tmp_path):
    for package in ("quanyu", "jobs", "ml", "features", "conf"):
        (tmp_path / package).symlink_to(ROOT / package)
    (tmp_path / "greeting").mkdir()
    (tmp_path / "greeting" / "__init__.py").touch()
    (tmp_path / "greeting" / "stage.py").write_text(NEW_STAGE)
    (tmp_path / "greeting" / "commands.py").write_text(NEW_COMMAND)

    def python(*words):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    assert python("-c", STEPS).stdout == "greeting True\n"
    assert python("-m", "quanyu.cli", "greet").stdout == "good morning\n"
    validated = python("-m", "quanyu.cli", "validate", "--home", str(tmp_path / "home"))
    assert "nobody to greet" in validated.stdout + validated.stderr


def test_a_file_that_does_not_import_the_base_is_not_imported(tmp_path):
    for package in ("quanyu", "jobs", "ml", "features"):
        (tmp_path / package).symlink_to(ROOT / package)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "stage.py").write_text("raise SystemExit('imported')")
    done = subprocess.run(
        [sys.executable, "-c", "from quanyu import discover; print(len(discover.stages()) > 8)"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_facts_are_read_back_as_they_were_stored(kind):
    form = json.loads(json.dumps(facts.stored(example(kind))))
    assert facts.read(form, KINDS) == example(kind)
    # Stored before facts had a class.
    assert facts.read({name: value for name, value in form.items() if name != facts.KIND}, KINDS) == example(kind)


def test_facts_that_no_class_can_read_are_none():
    assert facts.read({}, KINDS) is None
    assert facts.read(None, KINDS) is None
    assert facts.read({"tags": {}, "views": 3}, KINDS) is None
    assert facts.read({facts.KIND: "Forgotten", "tags": {}}, KINDS) is None
