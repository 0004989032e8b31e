"""Campaign results of an account, fetched into landing as a file of the feed `ad_results`.

So they pass the contract of that feed, and what a platform corrects later replaces what it said before.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, fields, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path

from jobs.exports.destination import Destination
from jobs.exports.destinations import destinations
from jobs.exports.platform import CampaignDay
from jobs.results.accounts import abilities, with_results
from jobs.results.conversions import KINDS
from jobs.results.facts import FetchFacts
from quanyu.discover import Catalogue
from quanyu.errors import RejectedError, nearest
from quanyu.feeds.day_path import DAY, ISO
from quanyu.feeds.source import Source
from quanyu.grammar.declaration import Problems
from quanyu.grammar.platforms.account import Account
from quanyu.home import home_name
from quanyu.lake.receipt import Receipt
from quanyu.plurals import number_of
from quanyu.run.runner import Context, Outcome, Step

FEED = "ad_results"
MEASURES = ("impressions", "clicks", "cost", "conversions", "revenue")
COLUMNS = ("platform", "account", *(field.name for field in fields(CampaignDay)))
UNFINISHED = ".fetching-"
CENT = Decimal("0.01")
# Campaign, audience and day.
Key = tuple[str, str, date]


def steps(catalogue: Catalogue) -> list[Step]:
    """List a step for every account whose results are fetched."""
    return [_step(destination) for destination in with_results(catalogue)]


def check(catalogue: Catalogue, problems: Problems) -> None:
    """Check that fetched results have a feed to land in, and what accounts say of campaigns and conversions."""
    for account in catalogue.platforms.values():
        for campaign, audience in account.campaigns.items():
            if audience not in catalogue.audiences:
                words = f"unknown audience {audience!r}; {nearest(audience, catalogue.audiences)}"
                problems.add(account.file, f"campaigns.{campaign}", words)
    for destination in destinations(catalogue).values():
        declared = destination.account
        if declared and declared.conversions and "convert" not in abilities(destination):
            problems.add(declared.file, "conversions", f"{declared.platform} takes none by an interface")
        elif declared and declared.conversions and not {*KINDS} & {*destination.forms}:
            problems.add(declared.file, "send", f"purchases are reported by {' or '.join(KINDS)}: send one of them")
    unfit = _unfit(catalogue.sources.get(FEED))
    for destination in with_results(catalogue) if unfit else ():
        problems.add(catalogue.platforms[destination.name].file, "results", unfit)


def _unfit(source: Source | None) -> str:
    """Why fetched results cannot land as files of a feed; empty if they can."""
    if source is None:
        return f"declare the source {FEED}, which results are fetched into"
    path, form = source.reads.path, source.reads
    whole = not path.startswith("data:") and path.count("*") == 1 and DAY.search(path) and "?" not in path
    if form.format != "csv" or form.mark or not whole:
        return f"{source.file} has to read `FOLDER/{{day}}/*.csv` without a mark, since fetched results land there"
    return ""


def _step(destination: Destination) -> Step:
    return Step(
        name=f"results.{destination.name}", stage="results", reads=(), writes=(), as_of=True,
        definition=destination.digest(), run=partial(fetch, destination=destination), before=(f"ingest.{FEED}",),
        describes=f"Fetches what {destination.platform.name} reports of the campaigns of {destination.name}.",
    )  # fmt: skip


def fetch(context: Context, receipt: Receipt, destination: Destination) -> Outcome:
    """Fetch the trailing days into a file of the day, whole or not at all. Repeating it makes the same file.

    Rows of these days that an earlier file had and the platform reports no more are there as zeros. Raises
    RetryableError and RejectedError of the platform.
    """
    if barred := home_name.may_send(context.settings):
        return Outcome(notes=(f"nothing is fetched: {barred}",), run_again=True)
    source = context.catalogue.sources[FEED]
    opened = destination.open()
    account, first = opened.account, context.day - timedelta(days=opened.trailing_days - 1)
    reported = added_up(_named(account, opened.results(first, context.day)))
    if outside := next((day for *_, day in reported if not first <= day <= context.day), None):
        raise RejectedError(f"{account.name}: reports {outside}, which was not asked for; see the platform's file")
    gone = {key: _nothing(row) for key, row in _before(context, source, account, first).items() if key not in reported}
    target = context.settings.landing / file_of(source, context.day, account.name)
    rows = [row for _, row in sorted({**reported, **gone}.items())]
    if not rows:
        return Outcome(notes=(f"no campaign from {first} to {context.day}",), facts=FetchFacts(account.name, 0, 0))
    _write(source, target, _lines(account, rows))
    notes = (f"{number_of(len(gone), 'row')} reported before and no more: set to zero",) if gone else ()
    return Outcome(len(rows), len(rows), notes=notes, facts=FetchFacts(account.name, len(reported), len(gone)))


def _named(account: Account, reported: Iterable[CampaignDay]) -> Iterator[CampaignDay]:
    """Results with the audience that the account says a campaign is for, where the platform names none."""
    for row in reported:
        yield row if row.audience else replace(row, audience=account.campaigns.get(row.campaign, ""))


def added_up(reported: Iterable[CampaignDay]) -> dict[Key, CampaignDay]:
    """Results by key: a campaign that a platform reports in several rows, as by ad group, has their sum.

    Raises RejectedError for amounts in several currencies, which have no sum.
    """
    summed: dict[Key, CampaignDay] = {}
    for row in reported:
        key = (row.campaign, row.audience, row.day)
        before = summed.get(key, _nothing(row))
        if before.currency != row.currency:
            raise RejectedError(f"a campaign has amounts in {before.currency} and {row.currency} on {row.day}")
        summed[key] = replace(row, **{name: getattr(before, name) + getattr(row, name) for name in MEASURES})
    return summed


def _nothing(row: CampaignDay) -> CampaignDay:
    return replace(row, impressions=0, clicks=0, cost=Decimal(0), conversions=Decimal(0), revenue=Decimal(0))


def file_of(source: Source, day: date, name: str) -> str:
    """Path of a file of the feed, below the landing folder."""
    path = DAY.sub(lambda match: day.strftime(match.group(1) or ISO), source.reads.path)
    return path.replace("*", name)


def _before(context: Context, source: Source, account: Account, first: date) -> Mapping[Key, CampaignDay]:
    """Rows from a day on in the newest earlier file of the account that is still in landing."""
    days = (context.day - timedelta(days=n) for n in range(1, (context.day - first).days + 1))
    for day in days:
        file = context.settings.landing / file_of(source, day, account.name)
        if file.is_file():
            text = file.read_text(encoding=source.reads.encoding)
            return {key: row for key, row in added_up(_parsed(source, text)).items() if row.day >= first}
    return {}


def _parsed(source: Source, text: str) -> Iterator[CampaignDay]:
    for row in csv.DictReader(io.StringIO(text), delimiter=source.reads.delimiter, quotechar=source.reads.quote):
        yield CampaignDay(
            campaign=row["campaign"], audience=row["audience"], day=date.fromisoformat(row["day"]),
            impressions=int(row["impressions"]), clicks=int(row["clicks"]), cost=Decimal(row["cost"]),
            conversions=Decimal(row["conversions"]), revenue=Decimal(row["revenue"]), currency=row["currency"],
        )  # fmt: skip


def _lines(account: Account, rows: Iterable[CampaignDay]) -> Iterator[tuple[str, ...]]:
    yield COLUMNS
    for row in rows:
        yield (account.platform, account.account, *(_text(value) for value in astuple(row)))


def _text(value: object) -> str:
    """A value as the feed takes it: platforms give money and conversions with up to six places."""
    return f"{value.quantize(CENT, ROUND_HALF_UP):f}" if isinstance(value, Decimal) else str(value)


def _write(source: Source, target: Path, lines: Iterable[tuple[str, ...]]) -> None:
    """Write a file whole: it is hidden from the feed until then, and what killed attempts left is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for litter in target.parent.glob(f".{target.name}{UNFINISHED}*"):
        litter.unlink(missing_ok=True)
    text = io.StringIO()
    csv.writer(text, delimiter=source.reads.delimiter, quotechar=source.reads.quote).writerows(lines)
    fresh = target.with_name(f".{target.name}{UNFINISHED}{uuid.uuid4().hex}")
    fresh.write_bytes(text.getvalue().encode(source.reads.encoding))
    fresh.replace(target)
