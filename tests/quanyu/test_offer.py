"""Offers of a campaign: what a file may say, and the numbers that a plan is made of."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.uplift.offers import numbers_of
from ml.uplift.plan import best_plan
from quanyu import discover
from quanyu.config.settings import load_settings
from quanyu.errors import ConfigError
from quanyu.grammar.offers.offer import CampaignOffers
from quanyu.grammar.table import Column

ROOT = Path(__file__).parents[2]
NAMES = {"value.spend": Column("decimal(18,2)", "Spent.")}
SPRING = """
describes: A coupon or a gift in spring.
owner: growth
campaign: C0004
model: campaign_uplift
budget: 500
explore: 10 %
offers:
  coupon: {arm: coupon, cost: 5, margin: 40, when: value.spend > 100}
  scarf: {arm: scarf, cost: 12, margin: 60, sku: S1, most: 30}
  call: {arm: call, cost: 20, margin: 60, sku: S1}
"""


def problems_of(tmp_path, old="", new=""):
    file = tmp_path / "spring.yml"
    file.write_text(SPRING.replace(old, new) if old else SPRING)
    try:
        return "\n".join(map(str, CampaignOffers.load(file).problems(NAMES).found))
    except ConfigError as error:
        return str(error)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("", "", ""),
        ("value.spend", "value.spent", "offers.coupon.when: 'value.spent > 100': unknown column 'value.spent'"),
        ("value.spend > 100", "value.spend", "truth (boolean) is wanted"),
        ("arm: scarf", "arm: control", "offers.scarf.arm: control is who gets nothing"),
        ("arm: scarf", "arm: call", "offers.scarf.arm: 'call' is the arm of another offer too"),
        ("cost: 5", "cost: -5", "greater than or equal to 0"),
        ("margin: 40, ", "", "what one more outcome of the model, such as an order, is worth"),
        ("budget: 500", "budgets: 500", "unknown key"),
        ("explore: 10 %", "explore: 100 %", "less than 1"),
        ("  coupon:", "  Coupon 1:", "is no name"),
    ],
)
def test_what_a_file_may_say(tmp_path, old, new, words):
    problems = problems_of(tmp_path, old, new)
    assert words in problems and bool(words) == bool(problems)


def loaded(tmp_path):
    (tmp_path / "spring.yml").write_text(SPRING)
    return CampaignOffers.load(tmp_path / "spring.yml")


def test_arms_that_the_campaign_has_not_are_named(tmp_path):
    offers = loaded(tmp_path)
    offers.check_arms(["control", "coupon", "scarf", "call"])
    with pytest.raises(ConfigError, match=r"(?s)C0004 has no arm 'scarf'.*no arm 'control'"):
        offers.check_arms(["coupon", "scarfs", "call"])


def test_numbers_of_a_plan(tmp_path):
    numbers = numbers_of(loaded(tmp_path), {"S1": 40})
    assert numbers.arms == ("control", "coupon", "scarf", "call")
    assert (numbers.margins.tolist(), numbers.costs.tolist()) == ([0, 40, 60, 60], [0, 5, 12, 20])
    assert dict(zip(numbers.limits.names, numbers.limits.most, strict=True)) == {
        "budget": 500, "offer scarf": 30, "stock of S1": 40,
    }  # fmt: skip
    # Two offers of one item share its stock.
    assert numbers.limits.uses.tolist() == [[0, 5, 12, 20], [0, 0, 1, 0], [0, 0, 1, 1]]
    assert numbers.rules == {"coupon": "value.spend > 100"}
    with pytest.raises(ConfigError, match="does not list item 'S1'"):
        numbers_of(loaded(tmp_path), {})


def test_a_plan_of_these_offers_keeps_to_them(tmp_path):
    numbers = numbers_of(loaded(tmp_path), {"S1": 40})
    gains = np.tile([0.0, 3, 9, 8], (400, 1)) * np.random.default_rng(0).random((400, 1))
    plan = best_plan(gains, numbers.limits, pd.Series(range(400)), explore=0.05)
    many = np.bincount(plan.arm, minlength=4)
    assert many @ numbers.costs <= 500 and many[2] <= 30 and many[2] + many[3] <= 40


def test_offers_of_a_conf_folder_are_loaded_and_checked(tmp_path):
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.rmtree(conf / "offers")
    (conf / "offers").mkdir()
    (conf / "offers" / "spring.yml").write_text(SPRING)
    assert discover.load(load_settings(conf, tmp_path)).offers["spring"].campaign == "C0004"
    (conf / "offers" / "spring.yml").write_text(SPRING.replace("value.spend", "value.spent"))
    with pytest.raises(ConfigError, match=r"spring.yml: offers.coupon.when.*value.spend"):
        discover.load(load_settings(conf, tmp_path))
