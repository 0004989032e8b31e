"""Search in the catalogue: names, meanings, values, Chinese names and synonyms."""

from pathlib import Path

import pytest

from quanyu import discover
from quanyu.catalogue.entries import entries, entry_of
from quanyu.catalogue.search import search, synonyms
from quanyu.config.settings import load_settings
from quanyu.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    catalogue = discover.load(load_settings(ROOT / "conf", tmp_path_factory.mktemp("home")))
    return entries(catalogue, discover.stages())


def names(listed, text, occurring=None):
    matches, complete = search(listed, text, synonyms(), occurring)
    return [entry.name for entry in matches], complete


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lapsed", "retention.lapsed"),
        ("流失", "retention.lapsed"),
        ("流失", "churn.score"),
        ("churned", "retention.lapsed"),
        ("阅读消息", "reach.reads_messages"),
        ("champions", "rfm.segment"),
        ("size bought", "sizes.bought"),
        ("e-mail agreed", "reach.by_email"),
    ],
)
def test_a_tag_is_found_by_name_value_meaning_and_in_either_language(listed, text, expected):
    matches, complete = names(listed, text)
    assert complete and expected in matches


def test_what_has_a_word_in_its_name_comes_first(listed):
    assert names(listed, "lapsed")[0][0] == "retention.lapsed"


def test_a_word_is_found_from_its_beginning_only(listed):
    assert "categories.favourite" not in names(listed, "our")[0]


def test_a_value_that_occurs_is_found(listed):
    occurring = {("customer", "sizes.bought"): ["外套 XL"]}
    assert names(listed, "外套 xl", occurring) == (["sizes.bought"], True)


def test_a_sentence_finds_what_has_most_of_its_words(listed):
    matches, complete = names(listed, "bought a coat, no trousers of that size, reads our messages")
    assert not complete and {"reach.reads_messages", "sizes.bought"} <= set(matches[:3])


def test_nothing_is_found_by_an_unknown_word(listed):
    assert names(listed, "xyzzy") == ([], False)


def test_users_are_named_through_audiences_to_journeys(listed):
    users = entry_of(listed, "value.orders_ever").used_by
    assert "audience winback" in users and users[-1] == "journey winback"


def test_a_name_may_be_short_or_chinese_but_not_ambiguous(listed):
    assert entry_of(listed, "lapsed").name == "retention.lapsed"
    assert entry_of(listed, "阅读消息").name == "reach.reads_messages"
    with pytest.raises(ConfigError, match=r"may be .*categories\.bought.*write it in full"):
        entry_of(listed, "bought")
    with pytest.raises(ConfigError, match=r"did you mean 'retention\.lapsed'"):
        entry_of(listed, "retention.lapse")
