"""The commands `quanyu audience …`: define an audience, know its size, and understand who is in and why."""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from quanyu.cli import Conf, Home, opened, say
from quanyu.run.business_days import day_of

audience = typer.Typer(no_args_is_help=True, help="Audiences: their sizes, members, changes, and why somebody is in.")
Name = Annotated[str, typer.Argument(help="The audience.")]
Wanted = Annotated[str, typer.Argument(help="Audience, file of one, or a rule over tags and features in quotes.")]
OfEntity = Annotated[str, typer.Option("--entity", help="What a rule is about, such as outlet.")]
Limit = Annotated[int, typer.Option(min=0, help="Members to show or write; 0 for all.")]
Out = Annotated[Path | None, typer.Option(help="Write them to a .csv or .parquet file instead.")]
OnDay = Annotated[str | None, typer.Option(help="As of this day.", show_default="the last one that was run")]
MOST_DAYS = 14


def add(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (size, members, why, diff, items, replay, show):
        audience.command()(command)
    audience.command(name="list")(listing)
    app.add_typer(audience, name="audience")


def members(
    rule: Wanted, entity: OfEntity = "customer", day: OnDay = None, limit: Limit = 10, out: Out = None,
    conf: Conf = None, home: Home = None,
) -> None:  # fmt: skip
    """Show who is in an audience, or who would be by a rule, before you save it; nothing is recorded or sent.

    Example: `quanyu audience members winback` or `quanyu audience members "retention.lapsed and value.spend > 500"`
    """
    from jobs.audiences.inquiry import rule_members
    from jobs.audiences.inquiry.subject import TRIAL
    from quanyu.show import grid, written

    result = rule_members.members_of(opened(conf, home), rule, entity, day_of(day) if day else None, limit)
    if out is not None:
        say(written(result.rows, out))
        return
    share = f", {result.members / result.entities:.1%}" if result.entities else ""
    plural = result.entity.plural(result.entities)
    say(grid(result.rows, f"{result.members:,} of {result.entities:,} {plural}{share} on {result.day}"))
    if result.audience.name == TRIAL:
        say("To keep it, write conf/audiences/NAME.yml, then quanyu validate:")
        # Not folded at the width of the screen, so that it can be copied.
        typer.echo(_declaration(result.audience.who))


def _declaration(rule: str) -> str:
    """What the file of an audience would say, with the parts that are to be filled in."""
    import yaml

    text: str = yaml.safe_dump(
        {"describes": "Say in a sentence who they are.", "owner": "your team", "goal": "repurchase", "who": rule,
         "purpose": "messages", "holdout": "10 %"},
        allow_unicode=True, sort_keys=False, width=110,
    )  # fmt: skip
    return text.rstrip("\n")


def size(
    wanted: Annotated[str | None, typer.Argument(help="Audience, file of one, or a rule; all of them without it.")] = (
        None
    ),
    entity: OfEntity = "customer", conf: Conf = None, home: Home = None,
) -> None:  # fmt: skip
    """Count an audience before it is saved: in all, by each condition alone, and by what remains after each.

    Example: `quanyu audience size winback`, `quanyu audience size new.yml` or, for all, `quanyu audience size`
    """
    from jobs.audiences.inquiry.size import size_of, sizes_of_all
    from quanyu.printable import grid

    settings = opened(conf, home)
    if wanted is None:
        counts = sizes_of_all(settings)
        say(grid(("audience", "of", "members"), [(name, of, f"{n:,}") for name, (of, n) in sorted(counts.items())]))
        return
    result = size_of(settings, wanted, entity)
    plural = result.entity.plural(result.entities)
    rows = [(one.text, f"{one.alone:,}", f"{one.remaining:,}") for one in result.conditions]
    say(grid(("condition", "alone", "with those before"), rows, f"{result.entities:,} {plural} on {result.day}"))
    most = "at most " if result.audience.alike else ""
    count = result.audience.alike.number(result.members) if result.audience.alike else result.members
    say(f"{most}{count:,} members{_share(count, result.entities)}")
    if result.consented is not None:
        say(f"{result.consented:,} of those who fulfil the rule agreed to {result.audience.purpose}")
    for words in result.audience.size.warnings(count, None) if result.audience.size else ():
        say(f"outside of its band: {words}")


def _share(count: int, total: int) -> str:
    return f", {count / total:.1%}" if total else ""


def why(
    name: Name, who: Annotated[str, typer.Argument(help="A customer id, source/key, an identifier, or a name or key.")],
    conf: Conf = None, home: Home = None,
) -> None:  # fmt: skip
    """Show why one is in an audience or not: each condition with its values, the stay, the holdout, and consent.

    Example: `quanyu audience why winback 13812345678` or `quanyu audience why quiet_outlets T001234`
    """
    from jobs.audiences.inquiry import explanation
    from quanyu.printable import grid

    result = explanation.why(opened(conf, home), name, who)
    rows = [
        ("yes" if one.holds else "no", one.text, ", ".join(f"{key} = {_value(v)}" for key, v in one.values.items()))
        for one in result.conditions
    ]
    state = "is in" if result.inside else "is not in"
    say(grid(("holds", "condition", "values"), rows, f"{result.key} {state} {name} by the profiles of {result.day}"))
    for stay in result.memberships:
        until = f" to {stay['left_on']}" if stay["left_on"] else ""
        say(f"in it from {stay['entered_on']}{until}{', in its holdout' if stay['holdout'] else ''}")
    if not result.memberships:
        say("never recorded in it")
    if result.audience.alike:
        say("a lookalike: the conditions say who may be found, and the ones most like its seed are in")
    answers = [(channel, kind or "", reason or "yes") for channel, kind, reason in result.refusals]
    if answers:
        say(grid(("channel", "address", "may be reached"), answers, f"consent to {result.audience.purpose}"))


def _value(value: object) -> str:
    return "not known" if value is None else str(value)


def diff(name: Name, day: OnDay = None, limit: Limit = 10, out: Out = None, conf: Conf = None,
         home: Home = None) -> None:  # fmt: skip
    """Show who entered and who left an audience on a day, against the day before.

    Example: `quanyu audience diff winback` or `quanyu audience diff winback --day 2025-02-03 --out changes.csv`
    """
    from jobs.audiences.inquiry.changes import changes
    from quanyu.run.runner import Context
    from quanyu.show import grid, written

    with contextlib.closing(Context(opened(conf, home), date.min)) as context:
        result = changes(context, name, day_of(day) if day else None)
    if out is not None:
        say(written(result.rows, out))
        return
    title = f"{name} on {result.day}: {result.members:,} members, {result.entered:,} entered, {result.left:,} left"
    say(grid(result.rows.slice(0, limit) if limit else result.rows, title) if result.rows.num_rows else title)


def items(
    name: Name,
    products: Annotated[str, typer.Option("--of", help="Audience of products, such as items_to_clear.")],
    one_size: Annotated[str | None, typer.Option("--size", help="Only items of this size.", show_default="any")] = None,
    most: Annotated[int, typer.Option(min=1, help="Items for each member at most.")] = 1,
    limit: Limit = 10, out: Out = None, conf: Conf = None, home: Home = None,
) -> None:  # fmt: skip
    """Show for each member the items in his sizes and of his favourite style, those with most stock first.

    Example: `quanyu audience items clearance_4xl --of items_to_clear --size 4XL --out clearance.csv`
    """
    from jobs.audiences.inquiry.item_matches import items_for
    from quanyu.show import grid, written

    rows = items_for(opened(conf, home), name, products, one_size, most)
    if out is not None:
        say(written(rows, out))
        return
    customers = len(rows["customer_id"].unique())
    title = f"items of {products} for {customers:,} members of {name}"
    say(grid(rows.slice(0, limit) if limit else rows, title) if rows.num_rows else title)


def listing(conf: Conf = None, home: Home = None) -> None:
    """List the audiences: what they are for, how many are in, and where they go.

    Example: `quanyu audience list`
    """
    from jobs.audiences.inquiry.changes import days_of
    from quanyu.printable import grid
    from quanyu.run.runner import Context

    with contextlib.closing(Context(opened(conf, home), date.min)) as context:
        rows = []
        for name, one in sorted(context.catalogue.audiences.items()):
            last = next(iter(days_of(context, name)), None)
            count = f"{last['members']:,}" if last else ""
            rows.append((name, one.entity, one.goal, one.purpose, count, ", ".join(one.send_to)))
    say(grid(("audience", "of", "goal", "purpose", "members", "goes to"), rows))


def show(name: Name, conf: Conf = None, home: Home = None) -> None:
    """Show what an audience says, how many were in it on the last days, and of a lookalike the lift of its seeds.

    Example: `quanyu audience show winback`
    """
    from jobs.audiences.facts import AudienceFacts
    from jobs.audiences.inquiry.changes import days_of, declared
    from jobs.audiences.seed_quality import fits
    from quanyu.catalogue.definitions import declared_text
    from quanyu.printable import grid
    from quanyu.run.runner import Context

    with contextlib.closing(Context(opened(conf, home), date.min)) as context:
        text = declared_text(declared(context, name))
        days, fit = days_of(context, name)[:MOST_DAYS], fits(context).get(name)
    typer.echo(text)
    rows = [(row["day"], f"{row['members']:,}", f"{row['holdout']:,}", row["definition_digest"]) for row in days]
    say(grid(("day", "members", "holdout", "definition"), rows) if rows else "not evaluated yet")
    if fit is not None:
        seeds = AudienceFacts({}, {}, lifts={name: fit.lifts}, chosen={name: fit.seed}).seeds()
        heads = ("seed", "members", "found", "lift", "95 %")
        say(grid(heads, [row[1:] for row in seeds], f"seeds that were tried on {fit.day}, on a hidden half of each"))


def replay(
    name: Name, day: Annotated[str, typer.Option(help="The day, as 2025-02-03.")], out: Out = None,
    conf: Conf = None, home: Home = None,
) -> None:  # fmt: skip
    """Evaluate an audience of an earlier day again from the versions that it was evaluated from, and compare.

    Example: `quanyu audience replay winback --day 2025-02-03`
    """
    from jobs.audiences.inquiry.replay import replay as evaluated_again
    from quanyu.show import written

    result = evaluated_again(opened(conf, home), name, day_of(day))
    verdict = "the same members" if result.same else f"other members than the {result.recorded:,} that are recorded"
    say(f"{name} of {result.day}: {result.replayed:,} members, {verdict}; from {', '.join(result.tables)}")
    if result.other_learner and not result.same:
        say(result.other_learner)
    if out is not None:
        say(written(result.members, out))
    if not result.same:
        raise typer.Exit(1)
