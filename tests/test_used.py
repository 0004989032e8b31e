"""Every tag and feature is used by somebody: what nobody uses costs a computation each day, and is never missed."""

from __future__ import annotations

import shutil
from pathlib import Path

from quanyu import discover
from quanyu.catalogue.entries import entries
from quanyu.config.settings import load_settings

ROOT = Path(__file__).parents[1]
UNUSED = """
describes: A state that nobody asks for.
owner: growth
entity: customer
tags:
  nobody_asks: {when: value.orders > 3, means: Bought more than three times.}
  drafted: {when: value.orders > 4, means: Bought more than four times., lifecycle: draft}
"""


def unused(conf: Path, home: Path) -> list[str]:
    """Sentences about each live tag and feature that no declaration names."""
    listed = entries(discover.load(load_settings(conf, home)), discover.stages())
    return [
        f"{entry.name} is used by nobody: name it in an audience, a metric, a model or another tag, show it in"
        f" conf/pages/{entry.entity}.yml, make it a draft until somebody does, or delete it"
        for entry in listed
        if entry.kind in ("tag", "feature") and entry.lifecycle == "live" and not entry.used_by
    ]


def test_every_live_tag_and_feature_of_the_house_is_used(tmp_path):
    assert unused(ROOT / "conf", tmp_path) == []


def test_a_tag_that_nobody_uses_is_named_with_what_to_do(tmp_path):
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "conf" / "tags" / "idle.yml").write_text(UNUSED)
    [words] = unused(tmp_path / "conf", tmp_path / "home")
    assert words.startswith("idle.nobody_asks is used by nobody: name it in an audience")
