"""Generated texts vary enough, match their labels, and are not trivial to classify."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sample.wording.bank import bank
from sample.wording.clauses import MOODS
from sample.wording.phrases import TRADITIONAL
from sample.wording.texts import compose
from sample.wording.topics import TOPIC_NAMES

MANY = 10_000
CONTACT = re.compile(r"(vx|wx_kk|QQ)[0-9]")


def written(kind, seed=1, spam=0.02):
    draw = np.random.default_rng(seed)
    topic, mood = draw.integers(len(TOPIC_NAMES), size=MANY), draw.integers(3, size=MANY)
    return compose(draw, kind, topic, mood, spam)


@pytest.mark.parametrize(("kind", "least"), [("review", 9000), ("ask", 9000), ("complaint", 9000), ("answer", 4000)])
def test_ten_thousand_texts_are_mostly_distinct(kind, least):
    assert len(set(written(kind, spam=0).text.to_pylist())) > least


def test_the_same_seed_writes_the_same():
    assert written("review").text.equals(written("review").text)
    assert not written("review").text.equals(written("review", seed=2).text)


def test_marked_variants_are_visible_in_the_text():
    texts = written("review")
    said = np.array(texts.text.to_pylist(), object)
    assert all(CONTACT.search(text) for text in said[texts.spam])
    assert not any(CONTACT.search(text) for text in said[~texts.spam])
    assert 0.01 < texts.spam.mean() < 0.03
    assert all(re.search("[\U0001f300-\U0001faff❤✨]", text) for text in said[texts.emoji])
    assert not any(re.search("[\U0001f300-\U0001faff]", text) for text in said[~texts.emoji & ~texts.spam])
    assert all(set(text) & set(TRADITIONAL) for text in said[texts.traditional])
    assert not any(set(text) & set(TRADITIONAL) for text in said[~texts.traditional & ~texts.spam])
    assert 0.005 < texts.traditional.mean() < 0.03


def test_an_empty_column_can_be_composed():
    none = np.zeros(0, np.int64)
    assert len(compose(np.random.default_rng(1), "review", none, none).text) == 0


def test_every_topic_has_words_in_every_mood():
    where = bank().where
    assert (where["clause"][..., 1] > 1).all()
    assert (where["detail"][..., 1] > 1).all()


def test_praise_is_also_said_by_negation():
    texts = written("review", spam=0)
    praise = [text for text, mood in zip(texts.text.to_pylist(), texts.mood, strict=True) if MOODS[mood] == "positive"]
    assert 0.1 < np.mean([bool(re.search("不|没", text)) for text in praise]) < 0.6


def test_a_bag_of_characters_classifies_moods_but_not_perfectly():
    bayes = pytest.importorskip("sklearn.naive_bayes")
    counting = pytest.importorskip("sklearn.feature_extraction.text")
    learnt, tried = written("review", spam=0), written("review", seed=2, spam=0)
    counts = counting.CountVectorizer(analyzer="char", ngram_range=(1, 1))
    model = bayes.MultinomialNB().fit(counts.fit_transform(learnt.text.to_pylist()), learnt.mood)
    right = (model.predict(counts.transform(tried.text.to_pylist())) == tried.mood).mean()
    assert 0.7 < right < 0.97
