"""The kinds of declarations: their reference in docs/reference, and the JSON Schemas for editors."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from quanyu import cli
from quanyu.commands import grammar
from quanyu.grammar.pages import python_reference, reference, schema
from quanyu.grammar.pages.kinds import python_kinds, yaml_kinds
from quanyu.grammar.yaml_file import load_yaml

ROOT = Path(__file__).parents[2]
KINDS = yaml_kinds()
CONFS = [ROOT / "conf", ROOT / "examples" / "online_retail", ROOT / "benchmarks" / "retailer"]
FILES = [(kind, file) for kind in KINDS.values() for conf in CONFS for file in sorted(conf.glob(kind.files))]
WINDOW = {"over": "orders", "value": "count(*)", "within": "30 days"}
AUDIENCE = {"describes": "x", "owner": "y", "goal": "care", "who": "value.spend > 1", "purpose": "ads"}
FILL = {"orders": {"order_id": "id", "amount": 1, "one_row_per": "id"}}
SOURCE = {
    "describes": "x", "owner": "y", "reads": {"path": "a/{day}.csv", "format": "csv"}, "delivers": "events",
    "freshness": "none", "fills": FILL,
}  # fmt: skip


def without(declaration, key):
    return {name: value for name, value in declaration.items() if name != key}


def mistakes(kind, declaration):
    checked = Draft202012Validator(schema.json_schema(KINDS[kind]))
    return [error.json_path for error in checked.iter_errors(declaration)]


def command(*words):
    if "schema" not in {item.callback.__name__ for item in cli.app.registered_commands}:
        grammar.add(cli.app)
    return CliRunner().invoke(cli.app, words)


def test_the_pages_are_current():
    folder = ROOT / "docs" / "reference"
    pages = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    assert pages == reference.pages(), "write them anew: quanyu reference --out docs/reference"


def test_the_kinds_are_those_that_can_be_declared():
    assert {"audience", "identity", "journey", "settings", "source"} <= set(KINDS)
    assert {"feature_view", "model_spec", "table"} <= set(python_kinds())


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_in_yaml_says_what_it_is(kind):
    whole = schema.json_schema(KINDS[kind])
    silent = [
        f"{title}.{name}"
        for title, part in {kind: whole, **whole.get("$defs", {})}.items()
        for name, key in part["properties"].items()
        if not key.get("description")
    ]
    assert silent == []


@pytest.mark.parametrize("kind", python_kinds())
def test_every_attribute_of_a_python_declaration_says_what_it_is(kind):
    base = python_kinds()[kind].base
    silent = [
        f"{part.__name__}.{key.name}"
        for part in [base, *python_reference.parts(base)]
        for key in python_reference.keys(part)
        if not key.about
    ]
    assert silent == []


@pytest.mark.parametrize(("kind", "file"), FILES, ids=[str(file.relative_to(ROOT)) for _, file in FILES])
def test_every_declaration_fits_its_schema(kind, file):
    assert mistakes(kind.name, load_yaml(file)) == []


def test_the_schemas_are_valid():
    for kind in KINDS.values():
        Draft202012Validator.check_schema(schema.json_schema(kind))


@pytest.mark.parametrize(
    ("kind", "declaration", "places"),
    [
        ("audience", AUDIENCE, []),
        ("audience", AUDIENCE | {"holdout": "10 %", "measures": {"n": WINDOW}}, []),
        ("audience", without(AUDIENCE, "who"), ["$"]),
        ("audience", AUDIENCE | {"whom": "x"}, ["$"]),
        ("audience", AUDIENCE | {"name": "x"}, ["$"]),
        ("audience", AUDIENCE | {"goal": "carefree"}, ["$.goal"]),
        ("audience", AUDIENCE | {"holdout": "a tenth"}, ["$.holdout"]),
        ("audience", AUDIENCE | {"measures": {"n": WINDOW | {"within": "a month"}}}, ["$.measures.n.within"]),
        ("source", SOURCE, []),
        ("source", SOURCE | {"freshness": {"hours": 48}}, []),
        ("source", without(SOURCE, "freshness"), ["$"]),
        ("source", SOURCE | {"freshness": {"days": 2}}, ["$.freshness"]),
        ("source", SOURCE | {"fills": {"orders": {"order_id": ["id"]}}}, ["$.fills.orders.order_id"]),
        ("source", SOURCE | {"person": [{"kind": "phonee", "value": "x"}]}, ["$.person[0].kind"]),
        ("settings", {"zone": "Asia/Shanghai", "spark": {"cores": 0}}, ["$.spark.cores"]),
    ],
)  # fmt: skip
def test_a_schema_says_what_a_load_would(kind, declaration, places):
    assert mistakes(kind, declaration) == places


def test_a_new_kind_appears_by_itself():
    code = """
from typing import ClassVar
from pydantic import Field
from quanyu.grammar.pages import reference
from quanyu.grammar.declaration import YamlDeclaration
from quanyu.grammar.pages.kinds import yaml_kinds
class Offer(YamlDeclaration):
    '''What a customer is offered.'''
    kind: ClassVar[str] = "offer"
    value: int = Field(3, ge=1, description="what it is worth")
print(yaml_kinds()["offer"].files)
"""
    lines = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert lines.splitlines() == ["offer.yml"]


def test_the_command_writes_schemas_for_an_editor(tmp_path):
    answer = command("schema", "--out", str(tmp_path / "schemas"))
    assert answer.exit_code == 0
    assert json.loads((tmp_path / "schemas" / "audience.json").read_text()) == schema.json_schema(KINDS["audience"])
    settings = json.loads("".join(answer.output.split("\n", 1)[1].split("\n")))
    assert list(settings["yaml.schemas"].values()) == [f"conf/{kind.files}" for kind in KINDS.values()]


def test_the_commands_show_one_kind_or_say_which_there_are():
    assert json.loads(command("schema", "journey").output)["title"] == "journey"
    assert command("reference", "audience").output == reference.pages()["audience.md"]
    assert "did you mean 'audience'?" in str(command("reference", "audiense").exception)
    assert "quanyu reference table" in str(command("schema", "table").exception)
    assert "audience, identity, journey" in str(command("schema").exception)
