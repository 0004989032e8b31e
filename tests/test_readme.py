"""The README's commands, declarations and paths work as written."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.main import get_command

from quanyu import cli, discover
from quanyu.config.settings import load_settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
cli.add_commands()


def commands(program):
    """Calls of a program in the README, without the comments on their lines."""
    lines = [line.split("#")[0].strip() for line in README.splitlines() if line.startswith("    ")]
    return [line[line.index(f"{program} ") :] for line in lines if re.search(rf"(^|\s){program} ", line)]


@pytest.mark.parametrize("line", commands("quanyu"))
def test_every_command_of_the_readme_parses(line):
    _, name, *arguments = shlex.split(line)
    get_command(cli.app).commands[name].make_context(name, arguments)


def test_every_make_target_of_the_readme_exists():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = {line.split()[1] for line in commands("make")}
    assert named == {"run", "test"}
    assert named <= set(targets)


def test_every_declaration_of_the_readme_is_valid(tmp_path):
    feed, tags, audience = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (conf / "sources" / "stall.yml").write_text(feed, encoding="utf-8")
    (conf / "audiences" / "quiet_regulars.yml").write_text(audience, encoding="utf-8")
    (conf / "tags" / "loyalty.yml").write_text(tags, encoding="utf-8")
    catalogue = discover.load(load_settings(conf, tmp_path / "home"))
    assert {"stall"} < set(catalogue.sources)
    assert {"quiet_regulars"} < set(catalogue.audiences)
    names = catalogue.names(catalogue.entities["customer"])
    assert (names["loyalty.regular"].type, names["loyalty.rhythm"].values[-1]) == ("boolean", "regular")


def test_every_path_of_the_readme_exists():
    places = re.findall(r"^\| `([a-z_]+/)`", README.split("In a home")[0], re.MULTILINE)
    assert len(places) > 8
    assert [place for place in places if not (ROOT / place).is_dir()] == []
