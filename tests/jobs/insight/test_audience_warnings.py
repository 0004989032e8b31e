"""What audiences are warned of, in English and Chinese."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from jobs.insight.audience_warnings import warnings
from jobs.insight.earlier_days import earlier_days, rule_of, young_notes
from quanyu.config.sections import InsightSettings
from quanyu.discover import Catalogue
from quanyu.errors import ConfigError
from quanyu.grammar.audience import Audience, SizeBand

DAY = date(2024, 7, 3)


def audience(**fields):
    return Audience(name="coats", file="coats.yml", describes="Coats.", owner="growth", goal="care", who="true",
                    purpose="messages", **fields)  # fmt: skip


def row(size, drifted=(), drift=0.0, warned_from=None):
    return {"day": DAY, "size": size, "entities": 1000, "drifted": list(drifted), "drift": drift,
            "warned_from": warned_from}  # fmt: skip


@pytest.mark.parametrize(
    ("today", "before", "last", "kinds"),
    [
        (row(500), 500, DAY, []),
        (row(500), None, DAY, []),
        (row(500), 390, DAY, []),
        (row(500), 380, DAY, ["changed"]),
        (row(200), 300, DAY, ["changed"]),
        (row(0), None, DAY, ["nobody"]),
        (row(949), None, DAY, []),
        (row(950), None, DAY, ["nearly_all"]),
        (row(500, ["tier.gold"], 0.41), 500, DAY, ["drift"]),
        (row(500, ["tier.gold"], 0.41, DAY), 500, DAY, ["drift"]),
        (row(500, ["tier.gold"], 0.41, DAY + timedelta(days=1)), 500, DAY, []),
        (row(500), 500, date(2024, 7, 2), []),
        (row(500), 500, date(2024, 7, 1), ["stale"]),
    ],
)
def test_a_warning_comes_from_the_bound_on(today, before, last, kinds):
    assert [one.kind for one in warnings(audience(), today, before, last, InsightSettings())] == kinds


def test_days_of_an_older_release_say_no_rule_and_are_warned_of():
    older = {key: value for key, value in row(500, ["tier.gold"], 0.41).items() if key != "warned_from"}
    assert [one.kind for one in warnings(audience(), older, 500, DAY, InsightSettings())] == ["drift"]
    days = earlier_days([{**older, "audience": "coats"}], DAY + timedelta(days=1))
    assert (days["coats"].sizes, days["coats"].first, days["coats"].rule) == ({DAY: 500}, DAY, "")


def test_whose_drift_is_not_warned_of_yet_is_said_by_day():
    later = DAY + timedelta(days=9)
    rows = [{"audience": name, "warned_from": day} for name, day in (("tea", later), ("cups", later), ("coats", DAY))]
    assert list(young_notes(rows, DAY)) == [
        "no drift is warned of before 2024-07-12, 28 days after the first description: cups, tea"
    ]
    several = [{"audience": str(n), "warned_from": later} for n in range(6)]
    assert [note[-13:] for note in young_notes(several, DAY)] == [": 6 audiences"]


@pytest.mark.parametrize(
    ("size", "before", "kinds"),
    [(499, 500, ["small"]), (500, 500, []), (800, 790, []), (801, 790, ["large"]), (500, 560, ["changed"])],
)
def test_the_band_of_an_audience_is_warned_of_and_counts_before_the_setting(size, before, kinds):
    banded = audience(size=SizeBand(least=500, most=800, change=0.1))
    assert [one.kind for one in warnings(banded, row(size), before, DAY, InsightSettings())] == kinds


def test_an_audience_of_a_schedule_is_stale_when_its_turn_was_missed():
    weekly = audience(schedule="weekly")
    stale = {days: [one.kind for one in warnings(weekly, row(500), 500, DAY - timedelta(days=days), InsightSettings())]
             for days in (7, 8)}  # fmt: skip
    assert stale == {7: [], 8: ["stale"]}


def test_an_ended_audience_is_not_warned_of_because_nobody_is_in():
    assert list(warnings(audience(ended=DAY), row(0), None, DAY, InsightSettings())) == []


def test_no_outlet_to_act_on_is_no_warning():
    outlets = audience(entity="outlet")
    assert list(warnings(outlets, row(0), None, DAY, InsightSettings())) == []
    assert [one.kind for one in warnings(outlets, row(990), None, DAY, InsightSettings())] == ["nearly_all"]


def test_a_warning_has_words_in_both_languages_and_a_key_that_stays():
    [one] = warnings(audience(), row(500, ["tier.gold", "customer.city"], 0.41), 500, DAY, InsightSettings())
    assert one.key == "drift coats"
    assert one.words() == (
        "the members of coats are others than on its reference day, by tier.gold, customer.city (PSI up to 0.41)"
    )
    assert (
        one.words("zh")
        == "coats 的成员构成与基准日相比已发生漂移，主要体现在 tier.gold, customer.city（PSI 最高 0.41）"
    )


def test_a_name_in_the_settings_that_is_none_is_a_mistake(retailer):
    retailer.declare("base.yml", (retailer.conf / "base.yml").read_text() + "insight: {worth: [value.spendd]}\n")
    with pytest.raises(ConfigError, match=r"unknown name 'value\.spendd'; did you mean 'value\.spend'"):
        assert retailer.context("2024-07-01").catalogue


def test_the_purpose_decides_who_is_in_a_lookalike_and_in_no_other_audience():
    likeness = {"seeds": ["seed"], "size": "5 %", "features": ["value.spend"]}

    def rules(purpose):
        audiences = {
            name: Audience(name=name, file="", describes="All.", owner="growth", goal="care", who="true",
                           purpose=purpose, alike=alike)
            for name, alike in (("seed", None), ("like", likeness))
        }  # fmt: skip
        catalogue = Catalogue.__new__(Catalogue)
        catalogue.__dict__["audiences"] = audiences
        return {name: rule_of(catalogue, one) for name, one in audiences.items()}

    ads, messages = rules("ads"), rules("messages")
    assert ads["seed"] == messages["seed"] and ads["like"] != messages["like"]
