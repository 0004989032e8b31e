"""Decides whether a step runs on a day, and says why. A run acts on it; a plan only shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from quanyu.grammar.declaration import digest
from quanyu.run import integrity

if TYPE_CHECKING:
    from quanyu.run.runner import Context, Step

# Key in the store of the newest run of a step whose runs have days as keys.
NEWEST = "newest"
Record = Mapping[str, Any]


@dataclass(frozen=True)
class StepDecision:
    """What a run does with a step: `run` it, `skip` it since nothing has changed, or `keep` what a later day gave.

    `last` is the record of its last run for the day, and `lost` are the lost places that it rebuilds.
    """

    does: Literal["run", "skip", "keep"]
    reasons: tuple[str, ...]
    last: Record | None = None
    lost: frozenset[str] = frozenset()


def decide(context: Context, step: Step, force: bool = False, lost: frozenset[str] = frozenset()) -> StepDecision:
    """Decide about one step for the context's day. `lost` are lost places beside those that are already noted.

    Raises KeeperError for a step that reads a table which another step has to rebuild first.
    """
    last = context.store.unchanged_runs.load(step.name, key_of(context, step))
    stands = forward_day(context, step, last)
    if stands > context.day.isoformat() and not force:
        return StepDecision("keep", (f"only goes forward: it stands at {stands}",), last)
    integrity.check_reads(context, step)
    lost = integrity.places_to_rebuild(context, step.name) | (lost & set(step.rebuilds))
    reasons = [*(f"{place} was lost and is rebuilt" for place in sorted(lost)), *(["--force"] if force else [])]
    reasons += _changes(context, step, last) if last else _first(context, step)
    if reasons or last is None:
        return StepDecision("run", tuple(reasons), last, lost)
    return StepDecision("skip", (f"nothing has changed since it ran for {last['day']}",), last)


def key_of(context: Context, step: Step) -> str:
    """Key in the store of a step's run: the day if each day has its own result, else empty."""
    return context.day.isoformat() if step.as_of and not step.forward else ""


def forward_day(context: Context, step: Step, last: Record | None) -> str:
    """The last day of a `forward` step, from the store, or from the lake if that is ahead."""
    if not step.forward:
        return ""
    receipts = [receipt for place in step.writes if (receipt := context.lake.receipt(place))]
    return str(max([last["day"] if last else "", *(r["day"] for r in receipts if r["job"] == step.name)]))


def record_run(context: Context, step: Step, outcome: Record) -> None:
    """Record that a step has run: all that it depends on, what it wrote, and its outcome."""
    day, more = context.day.isoformat(), _more(context, step)
    depends = {
        "inputs": inputs(context, step), "more": digest(more) if more else "", "definition": step.fingerprint(),
        "day": day if step.as_of or step.forward else "",
    }  # fmt: skip
    wrote = {place: context.lake.version(place) for place in step.writes}
    declared = {"day": day, "declared": step.definition, "declares": dict(step.declares)}
    record = {**declared, "depends": depends, "wrote": wrote, "outcome": outcome, "parts": _parts(more)}
    key = key_of(context, step)
    context.store.unchanged_runs.save_all(step.name, {key: record, **({NEWEST: declared} if key else {})})


def last_complete_run(context: Context, step: Step) -> Record | None:
    """Day and declarations of the newest complete run of a step, of whatever day; None before its first one."""
    record = context.store.unchanged_runs.load(step.name, NEWEST if key_of(context, step) else "")
    return record if record and "declares" in record else None


def inputs(context: Context, step: Step) -> dict[str, int | None]:
    """Current version of each table that a step reads."""
    return {place: context.lake.version(place) for place in step.reads}


def _more(context: Context, step: Step) -> dict[str, Any]:
    """Inputs of a step besides tables, by name."""
    return dict(step.inputs(context)) if step.inputs else {}


def _parts(more: Record) -> dict[str, str]:
    return {name: digest(value) for name, value in more.items()}


def _first(context: Context, step: Step) -> Iterator[str]:
    """Why a step runs that has no record for the day."""
    before = last_complete_run(context, step)
    if before is None:
        stored = any(context.lake.exists(place) for place in step.writes)
        yield "it has not run completely yet" if stored else "it has not run yet"
        return
    yield f"it has not run for {context.day}, last for {before['day']}"
    if before["declared"] != step.definition:
        yield "its declaration has changed"


def _changes(context: Context, step: Step, last: Record) -> Iterator[str]:
    """What has changed since the last run, in words; nothing if all is as it was."""
    depends = last["depends"]
    if "definition" not in depends:
        yield "its result is to be made again"
    elif depends["definition"] != step.fingerprint():
        yield "its code has changed" if last.get("declared") == step.definition else "its declaration has changed"
    day = context.day.isoformat() if step.as_of or step.forward else ""
    if depends.get("day", "") != day:
        yield f"the day has changed: it stands at {depends.get('day') or last['day']}"
    yield from _changed_inputs(context, step, last)
    yield from (f"{p} is older than what it wrote" for p, v in last["wrote"].items() if not _is_at_least(context, p, v))


def _changed_inputs(context: Context, step: Step, last: Record) -> Iterator[str]:
    before, now = last["depends"]["inputs"], inputs(context, step)
    yield from (_input(context, place, before[place]) for place in now if before.get(place, now[place]) != now[place])
    yield from (f"it reads {place} now" for place in now if place not in before)
    yield from (f"it does not read {place} any more" for place in before if place not in now)
    more = _more(context, step)
    if last["depends"].get("more", "") != (digest(more) if more else ""):
        parts, earlier = _parts(more), last.get("parts", {})
        changed = [name for name in sorted({*parts, *earlier}) if parts.get(name) != earlier.get(name)]
        yield f"changed since its last run: {', '.join(changed)}"


def _input(context: Context, place: str, before: int | None) -> str:
    """Which commit changed a table that a step reads; `before` is the version that it has read."""
    receipt = context.lake.receipt(place)
    if receipt is None:
        return f"{place} is there no more"
    since = "there was none" if before is None else f"it was {before}"
    version = context.lake.version(place)
    return f"{place} was changed by {receipt['job']} for {receipt['day']} (version {version}, {since})"


def _is_at_least(context: Context, place: str, version: int | None) -> bool:
    return version is None or (context.lake.version(place) or -1) >= version
