"""The command `quanyu consent`: where and for which purposes a person may be contacted, and why not."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quanyu.cli import Conf, Home, opened, say
from quanyu.printable import grid
from quanyu.run.business_days import day_of, newest_day

if TYPE_CHECKING:  # Each command loads what it needs: the help of the product must not wait for a database's client.
    from jobs.consent.facts import Moment
    from quanyu.run.runner import Context

One = Annotated[str, typer.Argument(help="A customer id, source/key of a record, or an identifier of it.")]
OnDay = Annotated[str | None, typer.Option(help="By the data at the end of this day, instead of now.")]


def add(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(consent)


def consent(value: One, day: OnDay = None, conf: Conf = None, home: Home = None) -> None:
    """Show for which purposes, on which channels and at which addresses a person may be contacted, and why not.

    Example: `quanyu consent 13812345678` or `quanyu consent member=M000123 --day 2025-02-03`
    """
    from jobs.consent.facts import Moment
    from jobs.steward.directory import Directory
    from quanyu.run.runner import Context

    settings = opened(conf, home)
    context = Context(settings, day_of(day) if day else date.min)
    # Feeds are late or not as of the day to which the home was computed.
    context.day = context.day if day else (context.forward_day("identities") or newest_day(settings))
    moment = Moment.end_of(context.day, settings.tzinfo) if day else Moment.now()
    directory = Directory(context)
    records = directory.find(value)
    customers = sorted({customer for record in records if (customer := directory.customer_of(record))})
    if not customers:
        say("no customer has this id, record or identifier; a record counts once a run has ingested it")
    for customer in customers:
        say(_answers(context, customer, moment))
        say(_evidence(context, customer, moment))
    for words in _in_doubt(context) if not day else ():
        say(words)
    context.close()


def _answers(context: Context, customer: str, moment: Moment) -> Any:
    from jobs.consent import gate
    from jobs.consent.answers import questions

    frame = context.lake.spark.createDataFrame([(customer,)], "customer_id string")
    rows = []
    for question in questions():
        answers = gate.check_consent(context, question, frame, None, moment).orderBy("kind", "value").collect()
        rows += [[question.purpose, question.channel, row["value"] or "", row["reason"] or "yes"] for row in answers]
    return grid(("purpose", "channel", "address", "may be reached"), rows, customer)


def _evidence(context: Context, customer: str, moment: Moment) -> Any:
    from jobs.consent.facts import valid_rows
    from jobs.consent.objections import ENDS, PAUSES
    from quanyu.literals import quoted

    own_rows = f"customer_id = {quoted(customer)}"
    names = ("source", "purpose", "channel", "state", "changed_at", "evidence")
    consents = valid_rows(context, "consents", moment).where(own_rows).select(*names).collect()
    rows = [
        [*(row[name] for name in names[:4]), _time(context, row["changed_at"]), row["evidence"]] for row in consents
    ]
    events = valid_rows(context, "messages", moment).where(own_rows)
    events = events.where(f"status in {(*ENDS, *PAUSES)}")
    rows += [
        [row["source"], "messages", row["channel"], row["status"], _time(context, row["at"]), row["message_id"]]
        for row in events.collect()
    ]
    listed = valid_rows(context, "suppressions", moment).where(own_rows).collect()
    rows += [[row["source"], row["purpose"], row["channel"], "listed", "", row["reason"]] for row in listed]
    rows.sort(key=lambda row: (row[4], row[0], row[1], row[2]))
    return grid(("source", "purpose", "channel", "state", "when", "evidence"), rows, "evidence")


def _time(context: Context, at: datetime) -> str:
    return f"{at.astimezone(context.settings.tzinfo):%Y-%m-%d %H:%M:%S}"


def _in_doubt(context: Context) -> list[str]:
    from jobs.consent.missing_answers import reasons_to_wait

    words = reasons_to_wait(context, "messages")
    return [f"as of {context.day} nothing is sent and nobody is added: {text}" for text in words]
