"""Which landed files are new or changed, and as of which day what they tell is known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from jobs.ingest.listing import Aside, Listed, Listing, ledgers_look, listing_of
from quanyu.expressions import parse
from quanyu.printable import printable
from quanyu.run import Context
from quanyu.source import Source
from quanyu.store import LandedFile

# Of what is set aside for one reason so much is named one by one.
MOST_NAMED = 5


@dataclass(frozen=True)
class Found:
    """A file to read: how it was listed, its bytes' hash, and from which day on it is taken."""

    listed: Listed
    sha256: str
    after: date | None
    through: date
    changed: bool

    @property
    def name(self) -> str:
        """Its name below the root."""
        return self.listed.name

    @property
    def day(self) -> date | None:
        """The feed's day that its name tells."""
        return self.listed.day


def landed(context: Context, source: Source) -> list[Found]:
    """List the files with anything not taken yet, up to the context's day."""
    return _looked_at(context, source)[0]


def list_anew(context: Context, source: Source) -> None:
    """Forget the listing of a step, since files have landed within it."""
    context.listings.pop(source.name, None)


def postpone(context: Context, source: Source, files: Sequence[Found]) -> None:
    """Leave files that changed while they were read to the next run, and name them."""
    listing, names = _listing(context, source), {item.name for item in files}
    later = tuple(
        Aside(item.name, "it changed while it was read: the next run takes it", True, item.day) for item in files
    )
    listed = tuple(file for file in listing.files if file.name not in names)
    context.listings[source.name] = Listing(listed, listing.aside + later)


def _listing(context: Context, source: Source) -> Listing:
    """List a source's files up to the context's day, once per step: what lands meanwhile is the next step's."""
    if source.name not in context.listings:
        context.listings[source.name] = listing_of(context, source)
    listing: Listing = context.listings[source.name]
    return listing


def _looked_at(context: Context, source: Source) -> tuple[list[Found], list[Aside]]:
    """Tell the files to read from those that were taken, are not whole yet, or repeat another one of their day."""
    ledger, listing = context.store.ledger.files(source.name), _listing(context, source)
    new, aside = [], list(listing.aside)
    for file in listing.files:
        before = ledger.get(file.name)
        if file.waits and not _looks_the_same(file, before):
            aside.append(Aside(file.name, file.waits, True, file.day))
        elif not (sha256 := _hash(file, before)):
            aside.append(Aside(file.name, "it went, or was closed, while it was looked at", True, file.day))
        elif item := _new(context, source, file, before, sha256):
            new.append(item)
    copies = _copies(source, new, ledger)
    aside += [Aside(name, f"it has the bytes of {original}, of the same day") for name, original in copies.items()]
    return [item for item in new if item.name not in copies], sorted(aside, key=lambda one: one.name)


def _looks_the_same(file: Listed, before: LandedFile | None) -> bool:
    if before is None or (before.size, before.mtime_ns) != (file.look.size, file.look.mtime_ns):
        return False
    return before.ctime_ns in (None, file.look.ctime_ns)


def _hash(file: Listed, before: LandedFile | None) -> str:
    return before.sha256 if before and _looks_the_same(file, before) else file.sha256


def _new(context: Context, source: Source, file: Listed, before: LandedFile | None, sha256: str) -> Found | None:
    # A changed file that was read through a later day gives that whole stretch again, not only its beginning.
    through = max(context.day, before.taken_through or date.min) if before else context.day
    whole = Found(file, sha256, None, through, changed=before is not None)
    if before is None or sha256 != before.sha256:
        return whole
    if before.status == "refused":
        return None if before.definition in (None, source.digest()) else whole
    if file.day is None and (before.taken_through or date.min) < context.day:
        return replace(whole, after=before.taken_through, changed=False)
    return None


def _copies(source: Source, new: Sequence[Found], ledger: Mapping[str, LandedFile]) -> dict[str, str]:
    """New files with the bytes of another of their day: the name of the other by theirs.

    The other was taken and is as it was, or gone, or is new too. Where expressions read the name, none is a copy.
    """
    if any("_file" in parse(text).columns for text in source.expressions()):
        return {}
    changing = {item.name for item in new if item.after is None}
    first = {
        (file.feed_day, file.sha256): name
        for name, file in ledger.items()
        if file.status == "taken" and name not in changing
    }
    copies = {}
    for item in sorted(new, key=lambda item: (item.changed, len(item.name), item.name)):
        original = first.setdefault((item.day, item.sha256), item.name)
        if original != item.name and item.name not in ledger and item.listed.look.size:
            copies[item.name] = original
    return copies


def fingerprint(context: Context, source: Source) -> Mapping[str, object]:
    """What the step depends on besides tables: how files that are not taken yet look, and what is set aside."""
    files, aside = _looked_at(context, source)
    new = {item.name: f"{item.sha256} after {item.after}, {item.listed.look}" for item in files}
    return {**new, **{one.name: one.why for one in aside}}


def set_aside(context: Context, source: Source) -> tuple[str, ...]:
    """Say what lies in a source's folders and is not taken; of many for one reason, the first and their number."""
    words: list[str] = []
    by_reason = sorted(_looked_at(context, source)[1], key=lambda one: one.why)
    for why, group in groupby(by_reason, key=lambda one: one.why):
        names = [printable(one.name) for one in group]
        if len(names) > MOST_NAMED:
            words.append(f"{names[0]} and {len(names) - 1} others were not taken: {why}")
        else:
            words += [f"{name} was not taken: {why}" for name in names]
    return tuple(sorted(words))


def doubtful(context: Context, source: Source) -> tuple[str, ...]:
    """Say what was not taken though it may hold what the feed should have told."""
    aside = [one for one in _looked_at(context, source)[1] if one.doubtful]
    return tuple(f"{printable(one.name)} was not taken: {one.why}" for one in aside)


def waiting_days(context: Context, source: Source, days: Collection[date]) -> frozenset[date]:
    """Those of some days of a feed to which something may belong that lies aside: they are no whole snapshot.

    Where rows say their day, what lies aside may belong to any.
    """
    aside = [one for one in _looked_at(context, source)[1] if one.doubtful]
    if aside and source.reads.day:
        return frozenset(days)
    return frozenset(days) & {one.day for one in aside if one.day}


def steady(files: Sequence[Found]) -> tuple[list[Found], list[Found]]:
    """Part files that were read into those whose bytes are still the ones that were hashed before, and the others."""
    unchanged = [item for item in files if item.listed.is_steady()]
    return unchanged, [item for item in files if item not in unchanged]


def newest_taken(files: Mapping[str, LandedFile]) -> date | None:
    """Latest day of the feed that was taken; of a file with the day in a column, the day it was read through."""
    days = [file.feed_day or file.taken_through for file in files.values() if file.status == "taken"]
    return max((day for day in days if day), default=None)


def recorded_on(feed_day: date, run_day: date, newest: date | None) -> date:
    """Day on which what a feed's day tells became known: its own, or the run's if a later day was taken before."""
    return feed_day if newest is None or feed_day >= newest else max(run_day, newest)


def newest_day(files: Mapping[str, LandedFile], volumes: Mapping[date, int]) -> date | None:
    """Latest day that a feed told of: by its taken files, with or without a row, or by its rows, where they say it."""
    days = [file.feed_day for file in files.values() if file.status == "taken" and file.feed_day]
    return max(days or volumes, default=None)


def still_refused(context: Context, source: Source) -> dict[str, str]:
    """Files that were refused and lie in landing as they were: the reason by the name.

    One that its sender replaced is looked at again, and one that was taken away is nobody's matter any more.
    """
    refused = {path: file for path, file in context.store.ledger.files(source.name).items() if file.status == "refused"}
    if not refused:
        return {}
    names = [file.name for file in _listing(context, source).files if file.name in refused]
    return {name: refused[name].reason or name for name in names}


def ledger_row(source: Source, item: Found, run_day: date, newest: date | None, refused: Iterable[str]) -> LandedFile:
    """What the ledger keeps of a file that was read: taken, or refused for one of the reasons that name it."""
    reason = next((text for text in refused if text.startswith(f"{item.name}:")), None)
    return LandedFile(
        feed=source.name, path=item.name, sha256=item.sha256, **ledgers_look(item.listed),
        feed_day=item.day, first_seen_on=run_day, recorded_on=recorded_on(item.day or run_day, run_day, newest),
        taken_through=item.through if item.day is None else None, status="refused" if reason else "taken",
        reason=reason, rows=0, definition=source.digest(),
    )  # fmt: skip
