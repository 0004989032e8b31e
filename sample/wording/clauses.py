"""Clauses about a topic in a mood: plain words, their negation, and events."""

from __future__ import annotations

from sample.wording.english import BAD, ENDS_BAD, ENDS_FLAT, ENDS_GOOD, ENGLISH, FLAT, GOOD, OPENS
from sample.wording.phrases import NOT_BAD, NOT_GOOD, SO_SO, VERY
from sample.wording.spread import spread
from sample.wording.topics import TOPICS

MOODS = ("positive", "neutral", "negative")


def clauses(topic: str, mood: str) -> list[str]:
    """Return subject plus predicate; a quarter of the predicates negate the opposite."""
    words = TOPICS[topic]
    return [
        f"{subject}{predicate}"
        for subject in words.subjects.split()
        for predicate in _predicates(words.good, words.bad, mood)
    ]


def _predicates(good: str, bad: str, mood: str) -> list[str]:
    if mood == "neutral":
        return SO_SO.split()
    plain, contrary, denials = (good, bad, NOT_BAD) if mood == "positive" else (bad, good, NOT_GOOD)
    said = [very + word for very in VERY.split() for word in plain.split()]
    return said + [denial.replace("{a}", word) for denial in denials.split() for word in contrary.split()[:3]]


def details(kind: str, topic: str, mood: str) -> list[str]:
    """Return an event, a question, or the shop's answer."""
    words = TOPICS[topic]
    if kind == "answer":
        return spread(words.answers.split(" "))
    if mood == "neutral":
        return spread(words.asks.split(" ")) if kind == "ask" else clauses(topic, mood)
    phrases = spread((words.praise if mood == "positive" else words.blame).split(" "))
    return [*phrases, *spread(words.asks.split(" "))] if kind == "ask" and mood == "negative" else phrases


def english(slot: str, topic: str, mood: str) -> list[str]:
    """Return the English phrases of a slot."""
    if slot == "open":
        return OPENS.split("|")
    if slot == "end":
        return {"positive": ENDS_GOOD, "neutral": ENDS_FLAT, "negative": ENDS_BAD}[mood].split("|")
    subjects, good, bad = (text.split("|") for text in ENGLISH[topic])
    if mood == "neutral":
        return [subject + flat for subject in subjects for flat in FLAT.split("|")]
    frames = GOOD if mood == "positive" else BAD
    predicates = [
        frame.replace("|", "").format(g=praise, b=blame)
        for frame in frames
        for praise, blame in zip(good, bad, strict=True)
    ]
    return [subject + predicate for subject in subjects for predicate in predicates]
