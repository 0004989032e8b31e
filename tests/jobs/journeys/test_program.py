from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.journeys.instances import CustomerEvent
from jobs.journeys.program import Decision, DecisionInputs, advance, instance_id, new_instance, program
from quanyu.grammar.journey import Journey

START = date(2024, 1, 1)
MAIL = {"message": {"channel": "email", "subject": "Hi", "body": "Dear"}}


def on(days):
    return START + timedelta(days=days)


def journey(*steps, goal="orders"):
    base = {"name": "winback", "file": "winback.yml", "describes": "d", "owner": "o"}
    return Journey(**base, enters="winback", starts=START, goal=goal, steps=steps)


def wait(days):
    return {"wait": f"{days} days"}


def ask(table, then=(), otherwise=()):
    return {"branch": {"happened": table, "then": list(then), "otherwise": list(otherwise)}}


WINBACK = (wait(3), MAIL, wait(7), ask("orders", [{"end": "bought"}], [{"end": "no_purchase"}]))


def happened(**days):
    """Events by table, each on the given days of the walk."""
    return lambda table, day: any(n > 0 and on(n) <= day for n in days.get(table, ()))


def run(compiled, until, facts, runs=None):
    """Advance a walk by a run on each of the given days, or daily."""
    walk, decisions = new_instance("winback", "ann", START), []
    for n in range(until + 1) if runs is None else sorted({*runs, until}):
        walk, decided = advance(compiled, walk, on(n), facts)
        decisions += decided
    return walk, [(d.step, (d.decided_on - START).days, d.decision, d.reason) for d in decisions]


def test_steps_are_numbered_and_branches_join_again():
    branching = program(journey(ask("orders", [MAIL], [wait(1), MAIL]), wait(2)))
    operations = [(o.kind, o.days, o.then, o.otherwise) for o in branching.operations]
    assert operations == [
        ("branch", 0, 1, 3), ("message", 0, 0, 0), ("jump", 0, 5, 0), ("wait", 1, 0, 0), ("message", 0, 0, 0),
        ("wait", 2, 0, 0), ("end", 0, 0, 0),
    ]  # fmt: skip
    assert branching.tables == ("orders",)


MESSAGE, HELD = (1, 3, "message", None), (1, 3, "held", "no consent to messages")


@pytest.mark.parametrize(
    ("days", "consented", "decided", "outcome"),
    [
        ([], True, [MESSAGE, (3, 10, "otherwise", "orders"), (6, 10, "end", "no_purchase")], "no_purchase"),
        ([], False, [HELD, (3, 10, "otherwise", "orders"), (6, 10, "end", "no_purchase")], "no_purchase"),
        ([5], True, [MESSAGE, (3, 10, "then", "orders"), (4, 10, "end", "bought")], "bought"),
        ([10], True, [MESSAGE, (3, 10, "then", "orders"), (4, 10, "end", "bought")], "bought"),
        ([11], True, [MESSAGE, (3, 10, "otherwise", "orders"), (6, 10, "end", "no_purchase")], "no_purchase"),
        ([2], True, [(1, 3, "end", "goal")], "goal"),
        ([3], True, [(1, 3, "end", "goal")], "goal"),
        ([0], True, [MESSAGE, (3, 10, "otherwise", "orders"), (6, 10, "end", "no_purchase")], "no_purchase"),
    ],
)
def test_the_day_of_a_purchase_decides_the_path(days, consented, decided, outcome):
    walk, decisions = run(program(journey(*WINBACK)), 12, DecisionInputs(happened(orders=days), consented))
    assert (decisions, walk.outcome, walk.status) == (decided, outcome, "ended")


def test_a_wait_of_three_days_is_due_on_the_third_day():
    winback = program(journey(*WINBACK))
    walk, decisions = run(winback, 2, DecisionInputs(happened(), True))
    assert (walk.step, walk.due_on, walk.moved_on, decisions) == (1, on(3), on(0), [])
    walk, decisions = run(winback, 3, DecisionInputs(happened(), True))
    assert (walk.step, walk.due_on, walk.moved_on, decisions) == (3, on(10), on(3), [MESSAGE])


def test_whoever_reaches_the_last_step_has_completed_the_journey():
    walk, decisions = run(program(journey(wait(1))), 1, DecisionInputs(happened(), True))
    assert (walk.outcome, decisions) == ("completed", [(1, 1, "end", "completed")])


def test_decisions_are_not_changed_by_later_facts():
    winback, walk = program(journey(*WINBACK)), new_instance("winback", "ann", START)
    first, decisions = advance(winback, walk, on(12), DecisionInputs(happened(), True))
    before = {decision.step: decision for decision in decisions}
    again = advance(winback, walk, on(12), DecisionInputs(happened(orders=[1]), False, before))
    assert again == (first, [])


def test_a_walk_has_the_same_name_on_every_run_and_another_for_another_entry():
    names = [instance_id("winback", "ann", on(n)) for n in (0, 0, 1)] + [instance_id("winback", "bob", on(0))]
    assert names[0] == names[1] and len(set(names)) == 3


def test_texts_and_waits_may_change_under_a_walk_but_not_positions():
    shape = program(journey(*WINBACK)).shape()
    other = {"message": {**MAIL["message"], "body": "Dear friend"}}
    assert program(journey(wait(5), other, *WINBACK[2:])).shape() == shape
    assert program(journey(MAIL, *WINBACK)).shape() != shape


@pytest.mark.parametrize(
    ("done", "recorded", "until", "on_day", "counts"),
    [(1, 1, None, 1, True), (0, 0, None, 5, False), (1, 4, None, 3, False), (1, 4, None, 4, True), (1, 1, 3, 3, False)],
)
def test_a_row_counts_from_the_day_it_was_recorded_until_it_was_replaced(done, recorded, until, on_day, counts):
    row = CustomerEvent(on(done), on(recorded), None if until is None else on(until))
    assert row.is_in_data(START, on(on_day)) is counts


STEPS = st.recursive(
    st.one_of(st.integers(0, 4).map(wait), st.just(MAIL), st.sampled_from("ab").map(lambda end: {"end": end})),
    lambda inner: st.builds(
        ask, st.sampled_from(["orders", "order_lines"]), st.lists(inner, max_size=3), st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)


class OverError(Exception):
    pass


def oracle(steps, until, happens, consented):
    """Reference interpreter: reads the journey from top to bottom and counts days."""
    day, decisions = 0, []

    def say(*words):
        decisions.append((day, *words))
        if words[0] == "end":
            raise OverError

    def read(lines):
        nonlocal day
        for line in lines:
            if day > until:
                raise OverError
            if line.wait is not None:
                day += line.wait
            elif line.message and happens("orders", on(day)):
                say("end", "goal")
            elif line.message:
                say("message" if consented else "held")
            elif line.branch:
                yes = happens(line.branch.happened, on(day))
                say("then" if yes else "otherwise")
                read(line.branch.then if yes else line.branch.otherwise)
            else:
                say("end", line.end)

    try:
        read(steps)
        if day <= until:
            say("end", "completed")
    except OverError:
        pass
    return decisions


@given(
    st.lists(STEPS, min_size=1, max_size=5),
    st.sets(st.integers(0, 20), max_size=4),
    st.dictionaries(st.sampled_from(["orders", "order_lines"]), st.lists(st.integers(0, 15), max_size=3)),
    st.booleans(),
    st.integers(0, 20),
)
def test_runs_with_gaps_decide_as_daily_runs_and_as_the_reference(steps, runs, days, consented, until):
    declared, facts = journey(*steps), DecisionInputs(happened(**days), consented)
    daily, gaps = (
        run(program(declared), until, facts),
        run(program(declared), until, facts, {n for n in runs if n < until}),
    )
    assert daily == gaps
    said = [(n, d, r) if d == "end" else (n, d) for _, n, d, r in daily[1]]
    assert said == oracle(declared.steps, until, facts.happened, consented)
    assert len({step for step, *_ in daily[1]}) == len(daily[1])


@given(st.lists(STEPS, min_size=1, max_size=5), st.integers(0, 8), st.booleans())
def test_a_run_after_a_kill_goes_on_from_the_stored_decisions(steps, killed, consented):
    compiled, walk = program(journey(*steps)), new_instance("winback", "ann", START)
    whole, decisions = advance(compiled, walk, on(30), DecisionInputs(happened(), consented))
    stored = {decision.step: decision for decision in decisions[:killed]}
    again, rest = advance(compiled, walk, on(30), DecisionInputs(happened(orders=[1]), consented, stored))
    if killed >= len(decisions):
        assert (again, rest) == (whole, [])
    assert not {decision.step for decision in rest} & set(stored)
    assert all(isinstance(decision, Decision) for decision in rest)
