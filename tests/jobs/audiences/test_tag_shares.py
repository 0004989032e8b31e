"""A summary shows, of each scene, the tags that divide its entities most evenly."""

from __future__ import annotations

from jobs.audiences.facts import TagFacts
from jobs.audiences.tag_shares import evenness, shares
from quanyu.run.runner import Outcome, Result


def test_a_scene_shows_its_most_telling_tags_and_how_many_others_it_has():
    facts = TagFacts(
        {"rfm.half": 50, "rfm.nobody": 0, "rfm.everybody": 100, "care.few": 2},
        {"rfm.band": {"low": 20, "middle": 30, "high": 40, "top": 10}},
    )
    result = Result("profile.customer", "done", 1, Outcome(rows_in=100, facts=facts))
    assert dict(shares([(result, facts)])) == {
        "rfm": "band: high 40%, middle 30%, low 20%, 1 more; half 50%; nobody 0%; 1 more",
        "care": "few 2%",
    }
    assert list(shares([(Result("profile.customer", "done", 1, Outcome()), facts)])) == []


def test_what_is_in_no_class_counts_as_a_class():
    assert evenness([50, 50], 100) == evenness([50], 100) == 0.5
    assert evenness([100], 100) == evenness([0], 100) == 0
