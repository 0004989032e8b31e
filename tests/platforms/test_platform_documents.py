"""The examples of accounts in the documents are valid, and are those of platforms that exist."""

import re
from pathlib import Path

import pytest
import yaml

from jobs.exports.platforms.google import Google
from jobs.exports.platforms.meta import Meta
from jobs.exports.platforms.tiktok import Tiktok
from quanyu.grammar.platforms.account import Account

TEXT = (Path(__file__).parents[2] / "docs" / "activation_platforms.md").read_text(encoding="utf-8")
PLATFORMS = {platform.name: platform for platform in (Meta, Google, Tiktok)}
EXAMPLES = re.findall(r"```yaml\n# conf/platforms/(\w+)\.yml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("name", "content"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_of_an_account_is_valid(name, content):
    account = Account.model_validate({"file": name, "name": name, **yaml.safe_load(content)})
    platform = PLATFORMS[account.platform]
    platform.options.model_validate(account.options)
    assert set(account.send) <= set(platform.forms)
    assert f"| least | {platform.limits.least:,} " in TEXT


def test_each_platform_of_the_document_has_an_example():
    assert [name.partition("_")[0] for name, _ in EXAMPLES] == list(PLATFORMS)
