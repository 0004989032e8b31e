"""Commands of the outbox: list what became of each message, and decide about messages whose outcome is unknown."""

from __future__ import annotations

import getpass
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quanyu.cli import Conf, Home, Wait, opened, say
from quanyu.errors import ConfigError, nearest
from quanyu.printable import grid
from quanyu.run.business_days import day_of

if TYPE_CHECKING:  # Each command loads what it needs: the help of the product must not wait for a database's client.
    from collections.abc import Iterable

    from jobs.journeys.message_outcomes import MessageOutcome
    from quanyu.run.runner import Context

outbox = typer.Typer(
    invoke_without_command=True, help="What became of each message; `send` and `close` decide about unknown ones."
)
Why = Annotated[str, typer.Option(help="The reason, in your words; it is stored with the message.")]
Key = Annotated[str, typer.Argument(help="Key of the message, as `quanyu outbox --status unknown` shows it.")]


def add(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(outbox, name="outbox")


@outbox.callback()
def show(
    called: typer.Context,
    journey: Annotated[str | None, typer.Option(help="List every message of a journey, and its holdout.")] = None,
    status: Annotated[str | None, typer.Option(help="List the messages of a status, such as unknown.")] = None,
    day: Annotated[str | None, typer.Option(help="Only messages due on a day, such as 2011-12-09.")] = None,
    conf: Conf = None, home: Home = None,
) -> None:  # fmt: skip
    """Count messages by journey and status, or list the selected ones with what became of each and why.

    Example: `quanyu outbox --journey winback`
    """
    if called.invoked_subcommand:
        return
    from jobs.journeys.message_outcomes import message_outcomes

    context = _context(conf, home)
    if journey is not None:
        _check(journey, {*context.catalogue.journeys, *(m.journey for m in context.store.outbox.all())}, "journey")
    selected = message_outcomes(context, journey)
    if day is not None:
        on = day_of(day)
        selected = [fate for fate in selected if fate.day == on]
    if status is not None:
        _check(status, _statuses(), "status")
        selected = [fate for fate in selected if fate.status == status]
    say(_counts(selected))
    if journey is not None or status is not None or day is not None:
        say(_listing(selected))


@outbox.command()
def send(key: Key, why: Why, conf: Conf = None, home: Home = None, wait: Wait = 0) -> None:
    """Send a message again, which did not arrive: the next run sends it, if it may still be sent.

    Example: `quanyu outbox send 5f0c91d2-1 --why "the server's log shows that it never came"`
    """
    _decide(_Decision(key, "again", "send", why), conf, home, wait)
    say(f"{key} is planned again; the next run sends it, if it may still be sent")


@outbox.command()
def close(key: Key, why: Why, conf: Conf = None, home: Home = None, wait: Wait = 0) -> None:
    """End a message as it is: it is never sent any more.

    Example: `quanyu outbox close 5f0c91d2-1 --why "the customer says that it arrived"`
    """
    _decide(_Decision(key, "closed", "close", why), conf, home, wait)
    say(f"{key} is closed")


class _Decision:
    """A person's decision about a message."""

    def __init__(self, key: str, status: str, word: str, why: str) -> None:
        self.key, self.status = key, status
        self.note = f"{datetime.now(UTC):%Y-%m-%d} {getpass.getuser()}: {word}: {why}"


def _decide(decision: _Decision, conf: Any, home: Any, wait: float) -> None:
    from jobs.journeys.sending import deliveries
    from quanyu.home.lock import home_lock
    from quanyu.lake.receipt import Receipt
    from quanyu.store.message import REACHED_FROM

    context = _context(conf, home)
    with home_lock(context.settings, wait):
        deliveries.restore_outbox(context)
        message = context.store.outbox.find(decision.key)
        if message is None:
            raise ConfigError(f"no message {decision.key!r}; `quanyu outbox --status unknown` lists those that wait")
        allowed = REACHED_FROM[decision.status]
        if message.status not in allowed:
            raise ConfigError(f"{decision.key} is {message.status}; allowed: {', '.join(allowed)}")
        until = context.day + timedelta(days=context.settings.mail.expires_days)
        expires_on = max(until, message.expires_on or until) if decision.status == "again" else None
        context.store.outbox.set_status(decision.key, decision.status, message.reason, None, decision.note, expires_on)
        deliveries.record(context, Receipt("outbox", context.day.isoformat(), context.run_id, ""))
    context.close()


def _context(conf: Any, home: Any) -> Context:
    from quanyu.run.runner import Context

    settings = opened(conf, home)
    return Context(settings, datetime.now(settings.tzinfo).date())


def _statuses() -> tuple[str, ...]:
    from jobs.journeys.message_outcomes import HELD_BACK, HELD_OUT
    from quanyu.store.message import STATUSES

    return (*STATUSES, HELD_BACK, HELD_OUT)


def _check(name: str, allowed: Iterable[str], what: str) -> None:
    if name not in set(allowed):
        raise ConfigError(f"unknown {what} {name!r}; {nearest(name, allowed)}")


def _counts(fates: list[MessageOutcome]) -> Any:
    from rich.table import Table

    counted = Counter((fate.journey, fate.status) for fate in fates)
    counts = Table(title="Outbox", title_justify="left", title_style="bold", header_style="bold")
    for column in ("journey", "status", "messages"):
        counts.add_column(column, justify="right" if column == "messages" else "left")
    for (journey, status), number in sorted(counted.items()):
        counts.add_row(journey, status, f"{number:,}")
    return counts if counted else "there are no messages of this kind"


def _listing(fates: list[MessageOutcome]) -> Any:
    rows = [(fate.day, fate.key, fate.customer_id, fate.status, fate.reason) for fate in fates]
    return grid(("due", "key", "customer", "status", "reason"), rows)
