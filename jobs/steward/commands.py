"""Commands of identity resolution: look up a customer, explain links, override them, and accept a difference."""

from __future__ import annotations

import getpass
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quanyu.cli import Conf, Day, Home, Wait, opened, say
from quanyu.config.settings import Settings
from quanyu.errors import ConfigError, nearest
from quanyu.lake.receipt import Receipt
from quanyu.plurals import is_or_are, number_of
from quanyu.run.business_days import day_of

if TYPE_CHECKING:  # Each command imports what it needs, so that the product's help does not wait for a database client.
    from quanyu.run.runner import Context

identity = typer.Typer(no_args_is_help=True, help="Identity resolution: differences, reviews, the match model.")
Why = Annotated[str, typer.Option(help="The reason, in your words; it is stored.")]
One = Annotated[str, typer.Argument(help="A customer id, source/key of a record, one of its identifiers, or a name.")]
VERDICTS = {"same": "are the same person", "different": "are different persons", "open": "have no verdict any more"}
# More customers are listed with a line each.
MOST_CUSTOMERS = 5
UNLINKED = "; but since the last run, no link joins these records any more, so the next run may separate them"


def add(app: typer.Typer) -> None:
    """Add these commands to the product's command."""
    for command in (who, why, verdict):
        app.command()(command)
    app.add_typer(identity, name="identity")


def _context(settings: Settings, day: date | None = None) -> Context:
    from quanyu.run.runner import Context

    return Context(settings, day or datetime.now(UTC).date())


def _locked(settings: Settings, wait: float) -> AbstractContextManager[None]:
    from quanyu.home.lock import home_lock

    return home_lock(settings, wait)


def _directory(context: Context) -> Any:
    from jobs.steward.directory import Directory

    return Directory(context)


def who(value: One, conf: Conf = None, home: Home = None) -> None:
    """Show the customer of a value, with all records and identifiers, and the history of the id.

    Example: `quanyu who 13812345678`, `quanyu who member=M000123` or `quanyu who "Ann Lee"`
    """
    from jobs.steward import history, render

    directory = _directory(_context(opened(conf, home)))
    records = directory.find(value)
    if ended := history.ended(directory, value.strip()):
        say(ended)
    customers = sorted({customer for record in records if (customer := directory.customer_of(record))})
    loose = [record for record in records if not directory.customer_of(record)]
    if len(customers) > 1:
        say(f"{len(customers):,} customers match:")
    if len(customers) > MOST_CUSTOMERS:
        say(render.customers(directory, customers))
    else:
        for customer in customers:
            say(render.customer(directory, customer))
    for record in loose:
        say(f"{record} has no customer: nothing on it identifies a person, or no run has processed it yet")


def why(a: One, b: One, conf: Conf = None, home: Home = None) -> None:
    """Show the chain of links that joins two records to one customer, or what separates them.

    Example: `quanyu why 13812345678 member=M000123`
    """
    from jobs.steward import render
    from jobs.steward.explain import Neighbourhood, separations

    directory = _directory(_context(opened(conf, home)))
    some, others = directory.find(a), directory.find(b)
    if set(some) & set(others):
        say(f"one record matches both: {sorted(set(some) & set(others))[0]}")
        return
    around = Neighbourhood(directory, [*some, *others])
    sides = [{directory.customer_of(key) for key in side} - {None} for side in (some, others)]
    hops, today = around.chain(some, others, cut=False), sorted(sides[0] & sides[1])
    if today:
        links = f", by {number_of(len(hops), 'link')}"
        say(f"one customer, {today[0]}{links if hops else UNLINKED}")
    else:
        names = [", ".join(sorted(side)) or "no customer yet" for side in sides]
        say(f"apart: {' and '.join(names)}" + ("; but the next run would join them by these links" if hops else ""))
    if hops:
        say(render.chain(directory, hops))
        return
    closest = around.likeness.best_score(some, others)
    say(render.separations(directory, separations(around, some, others), closest))
    match = directory.context.catalogue.identity.match
    band = f"a link needs {match.link}, a review {match.review}"
    say(f"match score of the two most similar records: {band}" + ("" if closest.compared else "; they share no block,"
        " so a run does not compare them"))  # fmt: skip
    say(render.match_score(closest))


def verdict(
    decision: Annotated[str, typer.Argument(help="same, different, or open to revoke a verdict.")],
    a: One, b: One, why: Why, conf: Conf = None, home: Home = None, wait: Wait = 0,
) -> None:  # fmt: skip
    """Decide whether two records are one person: it outranks every rule, and takes effect in the next run.

    Example: `quanyu verdict different crm/1f3a9c pos/77ab02 --why "mother and daughter"`
    """
    if decision not in VERDICTS:
        raise ConfigError(f"unknown verdict {decision!r}; {nearest(decision, VERDICTS)}")
    settings = opened(conf, home)
    with _locked(settings, wait):
        context = _context(settings)
        directory = _directory(context)
        one, other = _one_record(directory, a), _one_record(directory, b)
        if one == other:
            raise ConfigError("both are the same record")
        _no_contradiction(context, decision, one, other)
        table = context.catalogue.tables["identity_verdicts"]
        _note(context, table, {
            "decided_at": datetime.now(UTC), "verdict": decision, "a_source": one.source, "a_key": one.person_key,
            "b_source": other.source, "b_key": other.person_key, "why": why, "by": getpass.getuser(),
        })  # fmt: skip
    say(f"stored: {one} and {other} {VERDICTS[decision]}; the next run applies it")


def _no_contradiction(context: Context, decision: str, one: Any, other: Any) -> None:
    """Raises ConfigError where current verdicts say the opposite."""
    from jobs.unify.ids import overrides

    conflicts = overrides.contradicted(overrides.current_overrides(context.lake), decision, one, other)
    if conflicts:
        listed = "; ".join(f"{a} and {b}" for a, b in conflicts)
        opposite = "different" if decision == "same" else "same"
        raise ConfigError(
            f"other verdicts say that they are {opposite}: {listed}. Revoke one of them first:"
            f" quanyu verdict open {conflicts[0][0]} {conflicts[0][1]} --why ..."
        )


def _one_record(directory: Any, value: str) -> Any:
    """The record that a value identifies. Raises ConfigError where there are several."""
    records = directory.find(value)
    if len(records) > 1:
        listed = ", ".join(map(str, records[:5]))
        raise ConfigError(f"{len(records)} records match; name one of them: {listed}")
    return records[0]


def _note(context: Context, table: Any, row: dict[str, Any]) -> None:
    """Append a row to a log, with the next number."""
    from quanyu.lake import place_of

    place = place_of(table)
    number = max(context.lake.values(place, "number"), default=-1) + 1 if context.lake.exists(place) else 0
    receipt = Receipt(f"note.{table.name}", context.day.isoformat(), context.run_id, "")
    context.lake.append_row(table, {"number": number, **row}, receipt)


@identity.command()
def diff(conf: Conf = None, home: Home = None) -> None:
    """Show the difference that was stopped at the gate.

    Example: `quanyu identity diff`
    """
    from jobs.steward import render

    say(render.proposal(_proposals(_context(opened(conf, home)))))


def _proposals(context: Context) -> Any:
    """The difference that was stopped last, unless it was accepted. Raises ConfigError where there is none."""
    place = "gold/identity_proposals"
    rows = context.lake.arrow(place).to_table().to_pandas() if context.lake.exists(place) else None
    if rows is None or rows.empty:
        raise ConfigError("nothing was stopped at the gate")
    if rows["difference"].iloc[0] in _accepted(context):
        raise ConfigError("the difference that was stopped is accepted already; the next run publishes it")
    return rows


def _accepted(context: Context) -> set[str]:
    from jobs.unify.ids.publish import ACCEPTED

    return set(context.lake.values(ACCEPTED, "difference")) if context.lake.exists(ACCEPTED) else set()


@identity.command()
def accept(
    difference: Annotated[str, typer.Argument(help="Its hash, as `quanyu identity diff` shows it.")], why: Why,
    conf: Conf = None, home: Home = None, wait: Wait = 0,
) -> None:  # fmt: skip
    """Let a difference that was stopped at the gate pass in the next run.

    Example: `quanyu identity accept 4f1c09aa71d2 --why "the new till's records came in"`
    """
    settings = opened(conf, home)
    with _locked(settings, wait):
        context = _context(settings)
        stopped = sorted(set(_proposals(context)["difference"]))
        if difference not in stopped:
            raise ConfigError(f"no difference {difference!r} was stopped; {nearest(difference, stopped)}")
        _note(context, context.catalogue.tables["identity_acceptances"], {
            "accepted_at": datetime.now(UTC), "difference": difference, "why": why, "by": getpass.getuser(),
        })  # fmt: skip
    say("accepted; the next run publishes it, if the difference is still the same")


@identity.command()
def review(
    limit: Annotated[int, typer.Option(min=1, help="Pairs of customers on a page.")] = 10,
    page: Annotated[int, typer.Option(min=1, help="Page to show.")] = 1,
    conf: Conf = None, home: Home = None,
) -> None:  # fmt: skip
    """Show the work list: pairs of customers that may be one, most useful first, with the command that decides each.

    First come those whose decision is expected to bring most records to their customer: the probability times the
    records of the smaller one.

    Example: `quanyu identity review --page 2`
    """
    from jobs.steward import render
    from jobs.steward.reviews import review_list

    directory = _directory(_context(opened(conf, home)))
    directory.check_exists()
    work = review_list(directory)
    if not work.items:
        decided = f"; {number_of(work.decided, 'pair')} of customers decided by a verdict already"
        say("nothing to review" + (decided if work.decided else ""))
    elif page > work.pages(limit):
        pages = work.pages(limit)
        raise ConfigError(f"--page: there {is_or_are(pages)} {number_of(pages, 'page')} of {limit}")
    else:
        say(render.reviews(directory, work, page, limit))


@identity.command()
def train(day: Day, conf: Conf = None, home: Home = None, wait: Wait = 0) -> None:
    """Train a new version of the match model on the records of a day; the next run uses it unless one is pinned.

    Example: `quanyu identity train --day 2025-02-03`
    """
    from jobs.unify.ids.pairs import train_version

    settings = opened(conf, home)
    with _locked(settings, wait):
        context = _context(settings, day_of(day))
        try:
            version, records = train_version(context)
        finally:
            context.close()
    say(f"version {version}, trained on {number_of(records, 'record')}")
    say(f"to pin it, write match: {{model: {version}}} in identity.yml")
