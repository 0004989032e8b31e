"""The day as of which each audience was evaluated, and what blocked the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from quanyu.grammar.audience import Audience
from quanyu.run.runner import Context

MEMORY = "audience_days"
SCORING = "scoring"


def last_evaluated_day(context: Context, audience: str) -> date | None:
    """Day as of which an audience was evaluated last; None if there is no record."""
    last = context.store.unchanged_runs.load(MEMORY, audience)
    return date.fromisoformat(last["day"]) if last and last["day"] else None


def record_evaluation(
    context: Context, audience: str, day: date | None, lacks: str = "", unchanged: bool = False,
    as_of: date | None = None,
) -> None:  # fmt: skip
    """Record the day as of which an audience is current, and what it lacks for the day of the run.

    `unchanged` says that it is current without having been evaluated, by its schedule, and `as_of` that its members are
    those of an earlier day, which it missed.
    """
    note: dict[str, Any] = {"day": day and day.isoformat(), "lacks": lacks}
    note |= {"unchanged": True} if unchanged else {}
    note |= {"as_of": as_of.isoformat()} if as_of and as_of != day else {}
    context.store.unchanged_runs.save(MEMORY, audience, note)


def was_evaluated(context: Context, audience: str) -> bool:
    """Whether an audience was evaluated as of the day of the run, and did not only stay as it was."""
    last = context.store.unchanged_runs.load(MEMORY, audience)
    return bool(last and last["day"] == str(context.day) and not last["lacks"] and not last.get("unchanged"))


def has_members_of_the_day(context: Context, audience: str) -> bool:
    """Whether an audience was evaluated with the facts of the day of the run, and not of an earlier day of its own."""
    last = context.store.unchanged_runs.load(MEMORY, audience)
    return was_evaluated(context, audience) and not (last and last.get("as_of"))


def record_scoring(context: Context, model: str, lacks: str, failed: bool) -> None:
    """Record why a model has no scores of the run's day though it had some before; nothing if it has."""
    context.store.unchanged_runs.save(SCORING, model, {"day": str(context.day), "lacks": lacks, "failed": failed})


def scoring_fault(context: Context, model: str) -> bool:
    """Whether the scoring of a model failed for the day of the run."""
    last = context.store.unchanged_runs.load(SCORING, model)
    return bool(last and last["day"] == str(context.day) and last["failed"])


def models_without_scores(context: Context, models: Iterable[str]) -> str:
    """List the models that had scores before and have none for the day of the run, with the reason; else empty."""
    notes = {model: context.store.unchanged_runs.load(SCORING, model) for model in models}
    return ", ".join(f"{model} has no scores: {note['lacks']}" for model, note in notes.items()
                     if note and note["day"] == str(context.day) and note["lacks"])  # fmt: skip


def stale(context: Context) -> Mapping[str, str]:
    """Audiences of customers that were not evaluated for the day of the run, each with the reason.

    Exports and journeys of a stale audience add nobody. Removals are still sent.
    """
    catalogue = context.catalogue
    exported = (a for a in catalogue.audiences.values() if catalogue.entities[a.entity].resolved)
    reasons = {audience.name: _reason(context, audience) for audience in exported}
    return {name: reason for name, reason in reasons.items() if reason}


def _reason(context: Context, audience: Audience) -> str:
    last: Mapping[str, Any] = context.store.unchanged_runs.load(MEMORY, audience.name) or {"day": None, "lacks": ""}
    if last["day"] == context.day.isoformat() and not last["lacks"]:
        return ""
    evaluated = f"was evaluated for {last['day']}" if last["day"] else "was not evaluated yet"
    return f"{audience.name} {evaluated}, not for {context.day}" + (f": {last['lacks']}" if last["lacks"] else "")


def steps_not_current(context: Context, steps: Iterable[str]) -> str:
    """List the steps that have not processed their current inputs for the day of the run; empty if all have."""
    return ", ".join(f"{name} {words}" for name in steps if (words := _lacks(context, name)))


def _lacks(context: Context, name: str) -> str:
    step = context.step(name)
    key = context.day.isoformat() if step.as_of and not step.forward else ""
    last = context.store.unchanged_runs.load(name, key)
    if last is None or last["day"] != context.day.isoformat():
        return f"stopped or did not run for {context.day}"
    depends = last["depends"]
    inputs = {place: context.lake.version(place) for place in step.reads}
    current = depends["inputs"] == inputs and depends["definition"] == step.fingerprint()
    return "" if current else "has not run since its inputs or its definition changed"
