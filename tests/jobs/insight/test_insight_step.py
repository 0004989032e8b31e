"""The step over two days of a small retailer, and what the report says of its audiences."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser

import pyarrow.csv
import pytest
from command_line import quanyu
from shop import Retailer, template
from small_day import FIRST, IN_ULM, MOMENTS, SECOND, lived

from quanyu.run.runner import perform

DAYS = date.fromisoformat(FIRST), date.fromisoformat(SECOND)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    copy = Retailer.at(template("small_day", lived) / str(len(MOMENTS))).copy(tmp_path_factory.mktemp("shop"))
    yield copy
    copy.close()


def places(shop):
    return "--conf", str(shop.conf), "--home", str(shop.home)


def report(shop, *words):
    return quanyu("audience", "report", *words, *places(shop))


def test_days_of_an_audience_say_who_came_and_went(shop):
    columns = ("audience", "day", "size", "entered", "exited", "entities")
    rows = [row for row in shop.rows("gold/audience_trends", *columns) if row[0] == "in_ulm"]
    assert rows == [("in_ulm", DAYS[0], 1, 1, 0, 2), ("in_ulm", DAYS[1], 2, 2, 1, 3)]


def test_the_profile_of_outlets_in_one_city_is_that_city(shop):
    rows = {row["label"]: row for row in shop.table("gold/audience_profile").to_pylist()
            if row["audience"] == "in_ulm" and row["tag"] == "outlet.city"}  # fmt: skip
    assert {label: (row["members"], row["index"], row["follows_from_rule"]) for label, row in rows.items()} == {
        "unknown": (0, None, True), "Ulm": (2, pytest.approx(150), True), "Bonn": (0, 0, True),
        "others": (0, None, True),
    }  # fmt: skip
    bands = [row for row in shop.table("gold/audience_bands").to_pylist() if row["tag"] == "outlet.city"]
    assert {row["label"]: row["entities"] for row in bands} == {"unknown": 0, "Ulm": 2, "Bonn": 1, "others": 0}


def test_numbers_of_buyers_are_those_of_the_profile(shop):
    members = {row["customer_id"] for row in shop.table("gold/memberships_customer").to_pylist()
               if row["audience"] == "buyers" and row["left_on"] is None}  # fmt: skip
    spend = [row["value__spend"] for row in shop.table("gold/profile_customer").to_pylist()
             if row["customer_id"] in members]  # fmt: skip
    [row] = [row for row in shop.table("gold/audience_numbers").to_pylist()
             if (row["audience"], row["tag"]) == ("buyers", "value.spend")]  # fmt: skip
    assert (row["with_value"], row["total"]) == (len(members), pytest.approx(float(sum(spend))))
    assert len(members) > 1


def test_reach_and_overlap_are_of_the_members_of_the_day(shop):
    days = {row["audience"]: row["size"] for row in shop.table("gold/audience_trends").to_pylist()
            if row["day"] == DAYS[1]}  # fmt: skip
    counts = {}
    for row in shop.table("gold/audience_reach").to_pylist():
        key = row["audience"], row["purpose"], row["channel"]
        counts[key] = counts.get(key, 0) + row["members"]
    assert {audience for audience, _, _ in counts} == {"buyers", "leaving"}
    assert {key: count for key, count in counts.items() if count != days[key[0]]} == {}
    overlap = {(row["audience"], row["other"]): row["both"] for row in shop.table("gold/audience_overlaps").to_pylist()}
    assert overlap["buyers", "leaving"] == overlap["leaving", "buyers"] >= 1


def test_the_size_change_is_an_alert_of_the_step(shop):
    context = shop.context(SECOND)
    outcome = context.store.results.of_day(DAYS[1])["audience_insight"]["outcome"]
    assert outcome["alerts"]["changed in_ulm"] == "in_ulm went from 1 to 2 members, a change of more than 30%"


def test_a_rule_that_is_edited_begins_a_new_reference_and_another_text_does_not(shop, tmp_path):
    changed = shop.copy(tmp_path / "changed")

    def described(text):
        changed.declare("audiences/in_ulm.yml", text)
        context = changed.context(SECOND)
        outcomes = [perform(context, context.step(step)).outcome for step in ("memberships.outlet", "audience_insight")]
        rows = changed.rows("gold/audience_profile", "audience", "reference_on")
        return {day for audience, day in rows if audience == "in_ulm"}, outcomes[-1].notes

    assert described(IN_ULM.replace("Outlets in", "Shops in"))[0] == {DAYS[0]}
    days, notes = described(IN_ULM.replace("'Ulm'", "'Bonn'"))
    assert days == {DAYS[1]}
    # The shop is two days old.
    assert notes[-1].startswith("no drift is warned of before 2024-07-29, 28 days after")
    changed.close()


class Tags(HTMLParser):
    """Collects what a page would load, and the tags that are not closed."""

    def __init__(self):
        super().__init__()
        self.loads, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.loads += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "link", "line", "rect", "circle", "polygon", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()


@pytest.mark.parametrize(("language", "title"), [("en", "Audience in_ulm"), ("zh", "人群 in_ulm")])
def test_a_report_is_one_page_that_loads_nothing(shop, tmp_path, language, title):
    out = tmp_path / "in_ulm.html"
    done = report(shop, "in_ulm", "--lang", language, "--out", str(out))
    assert done.returncode == 0, done.stderr
    page = out.read_text()
    tags = Tags()
    tags.feed(page)
    assert (tags.loads, tags.open) == ([], [])
    assert title in page
    assert "<polyline" in page
    assert "outlet.city = &#x27;Ulm&#x27;" in page
    assert "url(" not in page


def test_a_report_warns_in_the_language_of_the_page(shop, tmp_path):
    for language, words in (("en", "in_ulm went from 1 to 2 members"), ("zh", "in_ulm 的规模从 1 变为 2")):
        report(shop, "in_ulm", "--lang", language, "--out", str(tmp_path / "page.html"))
        assert words in (tmp_path / "page.html").read_text()
        # Both days are within its first four weeks.
        assert "2024-07-29" in (tmp_path / "page.html").read_text()


def test_a_report_of_customers_has_reach_and_value(shop, tmp_path):
    report(shop, "buyers", "--out", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    assert re.search(r"<h2>Who can be reached</h2>", page)
    assert re.search(r"<h2>Value and risk</h2>.*value\.spend", page)


def test_the_profile_can_be_written_as_a_table(shop, tmp_path):
    done = report(shop, "in_ulm", "--table", "--out", str(tmp_path / "profile.csv"))
    assert done.returncode == 0, done.stderr
    rows = pyarrow.csv.read_csv(tmp_path / "profile.csv").to_pylist()
    assert {row["label"] for row in rows if row["tag"] == "outlet.city"} == {"unknown", "Ulm", "Bonn", "others"}
    assert "in_ulm" in report(shop, "in_ulm", "--table").stdout


def test_an_unknown_audience_is_answered_with_the_nearest(shop):
    done = report(shop, "in_ulmm")
    assert (done.returncode != 0, "did you mean 'in_ulm'" in done.stderr) == (True, True)


@pytest.mark.parametrize(
    ("language", "words", "word"),
    [("en", "not yet measurable: 0 members and 0 in the holdout whose 30 days are over", "measurable"),
     ("zh", "尚无法衡量：观察期（30 天）已满的成员 0 人、对照组 0 人，样本太小", "尚无法衡量")],
)  # fmt: skip
def test_the_lift_of_a_programme_that_is_too_young_is_said_in_words(shop, tmp_path, language, words, word):
    rows = shop.rows("gold/programme_lift", "kind", "programme", "outcome", "verdict")
    assert rows == [(kind, programme, outcome, "not yet measurable")
                    for kind, programme in (("audience", "leaving"), ("journey", "thanks"))
                    for outcome in ("conversion", "spend")]  # fmt: skip
    report(shop, "leaving", "--lang", language, "--out", str(tmp_path / "page.html"))
    assert (tmp_path / "page.html").read_text().count(words) == len(rows)
    shown = quanyu("audience", "lift", "leaving", "--lang", language, *places(shop)).stdout
    # A narrow screen folds the sentence.
    assert word in shown
    assert "thanks" in shown
