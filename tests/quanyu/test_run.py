"""The result of a step is recorded however it was started, and the exit code says whose fault a stop is."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from datetime import date

import pytest
from rich.console import Console

from quanyu.commands.summary import summary
from quanyu.errors import ConfigError, ContractError, QuanyuError, RetryableError, exit_code
from quanyu.run.runner import Outcome, Result, Step, perform, results
from quanyu.run.summary.report import summary as build


def shown(group):
    console = Console(width=120)
    with console.capture() as capture:
        console.print(group)
    return capture.get()


def step(name, does):
    return Step(name, "ingest", (), (), "1", lambda context, receipt: does())


def ended(shop, day, does, name="one"):
    context = shop.context(day)
    context.__dict__["steps"] = {name: step(name, does)}
    with contextlib.suppress(QuanyuError):
        perform(context, context.steps[name])
    [result] = results(context)
    return result


def raising(error):
    def does():
        raise error

    return does


@pytest.mark.parametrize(
    ("error", "fault", "code"),
    [
        (ConfigError("secret env:X: the environment variable is not set"), "ConfigError", 2),
        (ContractError("pos: 5 of 7 rows are bad"), "ContractError", 3),
        (RetryableError("no answer"), "RetryableError", 4),
        (ZeroDivisionError("1 / 0"), "QuanyuError", 1),
    ],
)
def test_a_result_says_whose_fault_a_stop_was(retailer, error, fault, code):
    result = ended(retailer, "2024-07-01", raising(error))
    assert (result.status, result.fault, exit_code([result.fault])) == ("stopped", fault, code)


def test_of_several_faults_the_exit_code_is_that_of_the_worst():
    assert exit_code([]) == 0
    assert exit_code(["ContractError", "RejectedError"]) == 5
    assert exit_code(["ContractError", "RejectedError", "RetryableError"]) == 4
    assert exit_code(["ContractError", "ExpressionError", "RetryableError"]) == 2
    assert exit_code(["ContractError", "ConfigError", "QuanyuError"]) == 1
    # Results of an earlier release lack the field.
    assert exit_code([""]) == 1


def test_breaches_make_a_step_stop_and_keep_what_it_did(retailer):
    result = ended(retailer, "2024-07-01", lambda: Outcome(5, 4, breaches={"late": "pos: late"}))
    assert (result.status, result.fault, result.error) == ("stopped", "ContractError", "pos: late")
    assert (result.outcome.rows_in, result.outcome.breaches) == (5, {"late": "pos: late"})


def test_a_days_summary_holds_the_newest_result_of_each_step_of_whichever_run(retailer):
    ended(retailer, "2024-07-01", raising(RetryableError("no answer")), "send")
    ended(retailer, "2024-07-01", lambda: Outcome(5, notes=("five rows",)), "ingest.pos")
    ended(retailer, "2024-07-01", lambda: Outcome(7), "send")
    ended(retailer, "2024-06-30", raising(ConfigError("a mistake")), "ingest.crm")
    day = shown(summary(retailer.settings, date(2024, 7, 1)))
    assert "stopped" not in day
    assert "ingest.pos: five rows" in day
    newest = shown(summary(retailer.settings, None))
    assert "2024-06-30" in newest
    assert "ingest.crm: you must act: a mistake" in newest
    with pytest.raises(ConfigError, match="nothing was run for 2024-01-01"):
        summary(retailer.settings, date(2024, 1, 1))


def test_a_summary_names_stops_first_and_the_worst_of_them_before_the_others(retailer):
    stops = [
        Result("a", "done", 1, Outcome(notes=("fine",))),
        Result("b", "stopped", 1, Outcome(), "late", "ContractError"),
        Result("c", "stopped", 1, Outcome(), "a mistake", "ConfigError"),
    ]
    lines = shown(build(retailer.context("2024-07-01"), stops, 3)).splitlines()
    assert [line.strip() for line in lines[:3]] == [
        "2 steps stopped",
        "c: you must act: a mistake",
        "b: the sender of the data must act: late",
    ]


def views(*notes, status="done", **outcome):
    return [
        Result(f"features.view{place}", status, place, Outcome(place, 1, notes=(note,), **outcome))
        for place, note in enumerate(notes, 1)
    ]


def lines_of(retailer, results, **how):
    return [line.strip(" │┃") for line in shown(build(retailer.context("2024-07-01"), results, 3, **how)).splitlines()]


def test_steps_of_a_kind_are_one_row_with_the_slowest_of_them(retailer):
    [skipped] = views("old news", status="skipped")
    lines = lines_of(
        retailer, [Result("send", "done", 1, Outcome()), *views("a", "b"), replace(skipped, step="features.x")]
    )
    [row] = [line for line in lines if line.startswith("features: 3 steps")]
    cells = [cell.strip() for cell in row.split("│")]
    assert cells[1:] == ["2 done, 1 skipped", "4", "3", "·", "·", "4.0 (view2 2.0)"]
    assert any(line.startswith("send ") for line in lines)


@pytest.mark.parametrize(
    "unusual",
    [
        Result("features.odd", "stopped", 1, Outcome(), "a mistake", "ConfigError"),
        Result("features.odd", "kept", 1, Outcome()),
        Result("features.odd", "done", 1, Outcome(quarantined=1)),
        Result("features.odd", "done", 1, Outcome(run_again=True)),
        Result("features.odd", "done", 1, Outcome(alerts={"held": "held back"})),
    ],
)
def test_a_step_to_be_looked_at_has_a_row_of_its_own(retailer, unusual):
    lines = lines_of(retailer, [*views("a", "b"), unusual])
    rows = [line.split()[0] for line in lines if "│" in line and line.startswith("features")]
    assert rows == ["features:", "features.odd"]


def test_what_many_steps_say_alike_is_one_line_that_names_them_and_the_range_of_their_numbers(retailer):
    results = [
        *views("touched customers since 2024-06-30: 1,200", "touched customers since 2024-06-30: 7"),
        Result("features.goods", "done", 1, Outcome(notes=("computed in full: its declaration or code has changed",))),
    ]
    lines = lines_of(retailer, results)
    assert lines[lines.index("Notes") + 1 :] == [
        "features view1, view2: touched customers since 2024-06-30: 7 to 1,200",
        "features.goods: computed in full: its declaration or code has changed",
    ]
    lines = lines_of(retailer, views("it has not run yet", "it has not run yet", status="skipped"))
    assert lines[lines.index("Notes") + 1 :] == ["features, all 2 (last run): it has not run yet"]


def test_every_step_can_be_listed_with_its_own_notes(retailer):
    apart = ["features.view1: 1 bad row", "features.view2: 2 bad rows"]
    lines = lines_of(retailer, views("1 bad row", "2 bad rows"), every_step=True)
    assert lines[lines.index("Notes") + 1 :] == apart
    assert [line.split()[0] for line in lines if "│" in line] == ["features.view1", "features.view2"]


def test_a_step_logs_its_own_lines(retailer, caplog):
    with caplog.at_level(logging.INFO, logger="quanyu.run.runner"):
        ended(retailer, "2024-07-01", lambda: Outcome(5, 4, notes=("one left out",)))
        ended(retailer, "2024-07-01", raising(ConfigError("a mistake")), "two")
    lines = [record.getMessage() for record in caplog.records if record.name == "quanyu.run.runner"]
    assert lines[0].startswith("one: done in ")
    assert lines[1] == "one: one left out"
    assert lines[2] == "two: you must act: a mistake"
