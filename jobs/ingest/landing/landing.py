"""Finds the landed files that are new or changed, and the day on which their content is recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from jobs.ingest.landing.listing import ListedFile, Listing, SkippedFile, attributes_in_ledger, listing_of
from quanyu.expressions import parse
from quanyu.feeds.source import Source
from quanyu.printable import printable
from quanyu.run.runner import Context
from quanyu.store import LandedFile

# Up to this many files that are set aside for one reason are named one by one.
MOST_NAMED = 5


@dataclass(frozen=True)
class IncomingFile:
    """A file to read: its entry in the listing, the hash of its bytes, and the days of it that are ingested."""

    listed: ListedFile
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
        """The feed's day in its name."""
        return self.listed.day


def landed(context: Context, source: Source) -> list[IncomingFile]:
    """List the files that have content up to the context's day which is not ingested yet."""
    return _new_and_aside(context, source)[0]


def refresh_listing(context: Context, source: Source) -> None:
    """Discard the listing of a step, since files have landed after it."""
    context.listings.pop(source.name, None)


def postpone(context: Context, source: Source, files: Sequence[IncomingFile]) -> None:
    """Leave files that changed while they were read to the next run, and report them."""
    listing, names = _listing(context, source), {item.name for item in files}
    later = tuple(
        SkippedFile(item.name, "it changed while it was read: the next run takes it", True, item.day) for item in files
    )
    listed = tuple(file for file in listing.files if file.name not in names)
    context.listings[source.name] = Listing(listed, listing.skipped + later)


def _listing(context: Context, source: Source) -> Listing:
    """List a source's files up to the context's day, once per step; files that land later are for the next step."""
    if source.name not in context.listings:
        context.listings[source.name] = listing_of(context, source)
    listing: Listing = context.listings[source.name]
    return listing


def _new_and_aside(context: Context, source: Source) -> tuple[list[IncomingFile], list[SkippedFile]]:
    """Files to read, and files set aside: incomplete ones and copies of another one of their day."""
    ledger, listing = context.store.ledger.files(source.name), _listing(context, source)
    new, aside = [], list(listing.skipped)
    for file in listing.files:
        before = ledger.get(file.name)
        if file.postponed_because and not _is_unchanged(file, before):
            aside.append(SkippedFile(file.name, file.postponed_because, True, file.day))
        elif not (sha256 := _hash(file, before)):
            aside.append(
                SkippedFile(file.name, "it was deleted or became unreadable while it was hashed", True, file.day)
            )
        elif item := _new(context, source, file, before, sha256):
            new.append(item)
    copies = _copies(source, new, ledger)
    aside += [
        SkippedFile(name, f"it has the same bytes as {original}, of the same day") for name, original in copies.items()
    ]
    return [item for item in new if item.name not in copies], sorted(aside, key=lambda entry: entry.name)


def _is_unchanged(file: ListedFile, before: LandedFile | None) -> bool:
    if before is None or (before.size, before.mtime_ns) != (file.attributes.size, file.attributes.mtime_ns):
        return False
    return before.ctime_ns in (None, file.attributes.ctime_ns)


def _hash(file: ListedFile, before: LandedFile | None) -> str:
    return before.sha256 if before and _is_unchanged(file, before) else file.sha256


def _new(
    context: Context, source: Source, file: ListedFile, before: LandedFile | None, sha256: str
) -> IncomingFile | None:
    # A changed file that was read through a later day is read again through that day, not only to the run's day.
    through = max(context.day, before.taken_through or date.min) if before else context.day
    item = IncomingFile(file, sha256, None, through, changed=before is not None)
    if before is None or sha256 != before.sha256:
        return item
    if before.status == "refused":
        return None if before.definition in (None, source.digest()) else item
    if file.day is None and (before.taken_through or date.min) < context.day:
        return replace(item, after=before.taken_through, changed=False)
    return None


def _copies(source: Source, new: Sequence[IncomingFile], ledger: Mapping[str, LandedFile]) -> dict[str, str]:
    """New files with the same bytes as another file of their day: the name of the original by theirs.

    The original was ingested and has not changed, or is new too; it may be deleted by now. If expressions read the
    file's name, no file is a copy.
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
        if original != item.name and item.name not in ledger and item.listed.attributes.size:
            copies[item.name] = original
    return copies


def fingerprint(context: Context, source: Source) -> Mapping[str, object]:
    """Inputs of the step besides tables: the state of files that are not ingested yet, and the files set aside."""
    files, aside = _new_and_aside(context, source)
    new = {item.name: f"{item.sha256} after {item.after}, {item.listed.attributes}" for item in files}
    return {**new, **{entry.name: entry.why for entry in aside}}


def skipped_notes(context: Context, source: Source) -> tuple[str, ...]:
    """Notes on the files in a source's folders that are not ingested; many for one reason are named by their number."""
    words: list[str] = []
    by_reason = sorted(_new_and_aside(context, source)[1], key=lambda entry: entry.why)
    for why, group in groupby(by_reason, key=lambda entry: entry.why):
        names = [printable(entry.name) for entry in group]
        if len(names) > MOST_NAMED:
            words.append(f"{names[0]} and {len(names) - 1} others were not ingested: {why}")
        else:
            words += [f"{name} was not ingested: {why}" for name in names]
    return tuple(sorted(words))


def doubtful(context: Context, source: Source) -> tuple[str, ...]:
    """Notes on files that are not ingested and may contain rows that the feed should have delivered."""
    aside = [entry for entry in _new_and_aside(context, source)[1] if entry.doubtful]
    return tuple(f"{printable(entry.name)} was not ingested: {entry.why}" for entry in aside)


def waiting_days(context: Context, source: Source, days: Collection[date]) -> frozenset[date]:
    """Those of `days` to which a file that is set aside may belong, so that they are incomplete.

    If the day is in a column, such a file may belong to any day.
    """
    aside = [entry for entry in _new_and_aside(context, source)[1] if entry.doubtful]
    if aside and source.reads.day:
        return frozenset(days)
    return frozenset(days) & {entry.day for entry in aside if entry.day}


def split_unchanged(files: Sequence[IncomingFile]) -> tuple[list[IncomingFile], list[IncomingFile]]:
    """Split files that were read into those whose bytes still match their hash, and those that changed meanwhile."""
    unchanged = [item for item in files if item.listed.is_unchanged()]
    return unchanged, [item for item in files if item not in unchanged]


def newest_ingested_day(files: Mapping[str, LandedFile]) -> date | None:
    """Latest ingested day of the feed. For a file with the day in a column, it is the day that it was read through."""
    days = [file.feed_day or file.taken_through for file in files.values() if file.status == "taken"]
    return max((day for day in days if day), default=None)


def recorded_on(feed_day: date, run_day: date, newest: date | None) -> date:
    """Day on which the content of a feed's day is recorded: itself, or the run's day if a later day came before it."""
    return feed_day if newest is None or feed_day >= newest else max(run_day, newest)


def newest_day(files: Mapping[str, LandedFile], volumes: Mapping[date, int]) -> date | None:
    """Latest day that a feed delivered: by its ingested files, even without rows, or by the days in its rows."""
    days = [file.feed_day for file in files.values() if file.status == "taken" and file.feed_day]
    return max(days or volumes, default=None)


def still_refused(context: Context, source: Source) -> dict[str, str]:
    """Refused files that are still in landing, unchanged: the reason by the name.

    A file that its sender replaced is read again, and one that was removed is no longer reported.
    """
    refused = {path: file for path, file in context.store.ledger.files(source.name).items() if file.status == "refused"}
    if not refused:
        return {}
    names = [file.name for file in _listing(context, source).files if file.name in refused]
    return {name: refused[name].reason or name for name in names}


def ledger_row(
    source: Source, item: IncomingFile, run_day: date, newest: date | None, refused: Iterable[str]
) -> LandedFile:
    """Ledger row of a file that was read: taken, or refused for the first reason that names it."""
    reason = next((text for text in refused if text.startswith(f"{item.name}:")), None)
    return LandedFile(
        feed=source.name, path=item.name, sha256=item.sha256, **attributes_in_ledger(item.listed),
        feed_day=item.day, first_seen_on=run_day, recorded_on=recorded_on(item.day or run_day, run_day, newest),
        taken_through=item.through if item.day is None else None, status="refused" if reason else "taken",
        reason=reason, rows=0, definition=source.digest(),
    )  # fmt: skip
