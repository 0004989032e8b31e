"""Journeys: steps with one key each, waits in days, and names of existing audiences and tables."""

from textwrap import dedent

import pytest

from quanyu.errors import ConfigError
from quanyu.grammar.journey import Journey
from quanyu.model.people import People
from quanyu.model.trade import Orders

TABLES = {table.name: table for table in (Orders, People)}
WINBACK = """
    describes: Asks back.
    owner: growth
    enters: winback
    starts: 2024-01-01
    steps:
      - wait: 3 days
      - message: {channel: email, subject: Hello, body: We miss you.}
      - wait: 1 day
      - branch:
          happened: orders
          then: [{end: bought}]
          otherwise: [{wait: 7 days}, {end: gone}]
"""


def problems_of(folder, old="", new=""):
    assert old in WINBACK
    path = folder / "winback.yml"
    path.write_text(dedent(WINBACK.replace(old, new)))
    try:
        return "\n".join(map(str, Journey.load(path).problems(["winback", "loyal"], TABLES).found))
    except ConfigError as error:
        return str(error)


def test_a_journey_is_a_program_over_days(tmp_path):
    assert problems_of(tmp_path) == ""
    journey = Journey.load(tmp_path / "winback.yml")
    assert [step.wait for step in journey.steps] == [3, None, 1, None]
    assert journey.steps[3].branch.otherwise[1].end == "gone"
    assert (journey.purpose, journey.goal) == ("messages", "orders")


def test_a_wait_may_be_of_no_days(tmp_path):
    assert problems_of(tmp_path, "wait: 3 days", "wait: 0 days") == ""
    assert Journey.load(tmp_path / "winback.yml").steps[0].wait == 0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("enters: winback", "enters: winbak", "enters: unknown audience 'winbak'; did you mean 'winback'?"),
        ("happened: orders", "happened: order", "steps.branch.happened: unknown table 'order'; did you mean 'orders'?"),
        ("owner: growth", "owner: growth\n    goal: people", "goal: unknown table 'people'; allowed: orders"),
        (
            "wait: 3 days",
            "wait: three days",
            "steps.0.wait: 'three days' is not allowed: a wait is written as `3 days`",
        ),
        ("wait: 3 days", "wait: 3 hours", "a wait is written as `3 days`"),
        ("wait: 3 days", "wait: 36501 days", "between 0 and 36,500 days are allowed, written as `3 days`"),
        ("wait: 3 days", "wiat: 3 days", "steps.0.wiat: unknown key; did you mean 'wait'?"),
        ("- wait: 3 days", "- {wait: 3 days, end: done}", "a step is one of wait, message, branch, end"),
        ("- wait: 3 days", "- {}", "a step is one of wait, message, branch, end"),
        ("channel: email", "channel: pigeon", "'pigeon' is not allowed; allowed: 'email'"),
        ("starts: 2024-01-01", "", "starts: is missing: write the first day of the journey, as `starts: 2025-02-01`"),
        ("starts: 2024-01-01", "starts: soon", "starts: 'soon' is not allowed"),
        ("owner: growth", "owner: growth\n    reentry: a month", "a time between two entries is written as `30 days`"),
        ("subject: Hello, ", "", "steps.1.message.subject: is missing"),
        ("{end: bought}", "{ends: bought}", "ends: unknown key; did you mean 'end'?"),
    ],
)
def test_what_a_journey_may_not_say(tmp_path, old, new, words):
    assert words in problems_of(tmp_path, old, new)


def test_a_journey_has_steps(tmp_path):
    path = tmp_path / "winback.yml"
    path.write_text("describes: d\nowner: o\nenters: winback\nstarts: 2024-01-01\nsteps: []\n")
    with pytest.raises(ConfigError, match="steps: "):
        Journey.load(path)


@pytest.mark.parametrize(("was", "names"), [("was: none", ()), ("was: old", ("old",)), ("was: [a, b]", ("a", "b"))])
def test_a_journey_says_what_it_was(tmp_path, was, names):
    assert problems_of(tmp_path, "owner: growth", f"owner: growth\n    {was}") == ""
    assert Journey.load(tmp_path / "winback.yml").was == names


def test_a_former_name_has_no_file_and_belongs_to_one_journey(tmp_path):
    problems_of(tmp_path, "owner: growth", "owner: growth\n    was: old")
    journey = Journey.load(tmp_path / "winback.yml")
    others = [journey.model_copy(update={"name": "old", "was": None}), journey.model_copy(update={"name": "twin"})]
    assert [problem.message for problem in journey.problems(["winback"], TABLES, [journey, *others]).found] == [
        "'old' still has a file; name only journeys without one",
        "'old' is a former name of 'twin' already; name it once",
    ]  # fmt: skip
