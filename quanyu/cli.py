"""The command line `quanyu`."""

from __future__ import annotations

import math
import sys
from collections.abc import Sized
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.models import CommandInfo, TyperInfo

from quanyu.config.settings import Settings, load_settings, set_environment
from quanyu.grammar.bounds import MOST
from quanyu.plurals import number_of
from quanyu.run.business_days import day_of

app = typer.Typer(
    name="quanyu", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Quanyu (全域): one id, features, models, audiences and journeys on your own lakehouse.",
)  # fmt: skip

# Groups of the help, each with its commands in their order; a command of a new file is in the last one.
PANELS = {
    "Find and understand": "tags tag members metrics customer outlet store product style staff entity",
    "Run a day": "run plan summary job",
    "Look at data": "tables table catalogue model offers",
    "Declare": "validate reference schema expressions replay",
    "Identity and consent": "who why verdict identity consent",
    "Messages": "outbox",
    "Keep and operate": "doctor up down airflow backup restore back migrate verify home sample",
}
OTHERS = "Others"

Conf = Annotated[Path | None, typer.Option(help="Configuration folder.", envvar="QUANYU_CONF", show_default="conf")]
Home = Annotated[
    Path | None,
    typer.Option(help="Folder with everything that a run creates.", envvar="QUANYU_HOME", show_default=".quanyu"),
]
Day = Annotated[str, typer.Option(help="Business day, as 2011-12-09.")]
Ahead = Annotated[
    bool, typer.Option("--ahead", help="On a copy that is removed afterwards: any day, and nothing is sent.")
]


def _finite(seconds: float) -> float:
    if not math.isfinite(seconds):
        raise typer.BadParameter("give a number of seconds")
    return seconds


Wait = Annotated[float, typer.Option(min=0, callback=_finite, help="Seconds to wait while another run holds the home.")]


def opened(conf: Path | None, home: Path | None) -> Settings:
    """Load the settings, and export them to child processes and DAGs as environment variables."""
    settings = load_settings(conf, home)
    places = {"CONF": settings.conf, "HOME": settings.home, "DATA": settings.data}
    set_environment({f"QUANYU_{name}": str(path) for name, path in places.items()})
    set_environment({"MLFLOW_DISABLE_TELEMETRY": "true"})
    return settings


def say(text: Any) -> None:
    """Print to the screen: text literally, without markup or control characters; rich objects are rendered."""
    from quanyu.printable import show

    show(text)


@app.command()
def run(
    day: Day,
    ahead: Ahead = False,
    train: Annotated[
        list[str] | None, typer.Option(help="Train this model alone if it is due, or others too; all without it.")
    ] = None,
    conf: Conf = None, home: Home = None, wait: Wait = 0,
) -> None:  # fmt: skip
    """Run the whole main job for one day that is over, safe to repeat.

    Example: `quanyu run --day 2025-02-03` or `quanyu run --day 2025-02-03 --train churn`
    """
    from quanyu.run.day import run_day
    from quanyu.run.interrupts import prompt_end

    settings = opened(conf, home)
    if ahead:
        raise typer.Exit(_ahead(settings, day, None, wait))
    with prompt_end(settings):
        exit_code = run_day(settings, day_of(day), wait, train or ())
    raise typer.Exit(exit_code)


def _ahead(settings: Settings, day: str, name: str | None, wait: float) -> int:
    from quanyu import imports
    from quanyu.run.rehearsal import Rehearsal

    return imports.only(Rehearsal).run(settings, day_of(day), name, wait, say)


@app.command()
def job(
    name: Annotated[str, typer.Argument(help="Step, such as features.value; `quanyu plan` lists all.")],
    day: Day,
    ahead: Ahead = False,
    conf: Conf = None,
    home: Home = None,
    force: Annotated[bool, typer.Option("--force", help="Also when nothing that it depends on has changed.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Compute everything, not only what has changed; implies --force.")
    ] = False,
    wait: Wait = 0,
) -> None:
    """Run one step for one day.

    Example: `quanyu job features.value --day 2025-02-03`
    """
    from quanyu.run.day import run_job
    from quanyu.run.interrupts import prompt_end

    settings = opened(conf, home)
    if ahead:
        raise typer.Exit(_ahead(settings, day, name, wait))
    with prompt_end(settings):
        run_job(settings, name, day_of(day), force, wait, say, full)


@app.command()
def validate(conf: Conf = None, home: Home = None) -> None:
    """Check every declaration and setting, and show all mistakes at once.

    Example: `quanyu validate --conf examples/online_retail`
    """
    from quanyu import discover
    from quanyu.config.settings import read_settings

    declarations = discover.load(*read_settings(conf, home))
    counts: dict[str, Sized] = {
        "table": declarations.tables, "source": declarations.sources, "feature view": declarations.views,
        "tag": [tag for file in declarations.tags.values() for tag in file.tags],
        "metric": [metric for file in declarations.metrics.values() for metric in file.metrics],
        "model": declarations.models, "audience": declarations.audiences, "journey": declarations.journeys,
    }  # fmt: skip
    numbers = ", ".join(number_of(len(items), name) for name, items in counts.items())
    say(f"{declarations.settings.conf} is valid: {numbers}")


@app.command()
def tables(conf: Conf = None, home: Home = None) -> None:
    """List the tables that lie in the lake, with rows, version and the day of the last change.

    Example: `quanyu tables`
    """
    from quanyu.show import listing

    say(listing(opened(conf, home)))


@app.command()
def table(
    name: Annotated[str, typer.Argument(help="Name, or place such as quarantine/pos.")],
    version: Annotated[int | None, typer.Option(min=0, max=MOST, help="As it was at this version.")] = None,
    day: Annotated[str | None, typer.Option(help="As it was after the run of this day; views: as of this day.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows to show or write; 0 for all.")] = 20,
    out: Annotated[Path | None, typer.Option(help="Write to a .csv or .parquet file instead.")] = None,
    conf: Conf = None,
    home: Home = None,
) -> None:
    """Show a table, today's or as it was, or write it to a file.

    A feature view or a profile shows its features as of the day, computed from facts if its table is of another day.

    Example: `quanyu table customers --limit 5`, `quanyu table value --day 2025-01-31` or
    `quanyu table orders --out orders.parquet --limit 0`
    """
    from quanyu.point_in_time import features_on_day
    from quanyu.show import rows

    settings, on = opened(conf, home), day_of(day) if day else None
    features = features_on_day.rows(settings, name, on, limit, out) if version is None else None
    say(features or rows(settings, name, version, on, limit, out))


@app.command()
def doctor(conf: Conf = None, home: Home = None) -> None:
    """Check Python, the engine, ports, disk and versions, and how to fix each.

    Example: `quanyu doctor`
    """
    from quanyu.home.doctor import check
    from quanyu.printable import line

    findings = check(opened(conf, home))
    for finding in findings:
        mark = ("ok  ", "green") if finding.ok else ("fix ", "red")
        say(line(mark, f" {finding.name}: {finding.observed}", "" if finding.ok else f"\n       {finding.fix}"))
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@app.command()
def expressions(
    out: Annotated[Path | None, typer.Option(help="Write the page to this file instead of the screen.")] = None,
) -> None:
    """List the functions, aggregates and casts that an expression may use, and what to write instead of the rest.

    Example: `quanyu expressions --out docs/expressions.md`
    """
    from quanyu.expressions.functions.reference import markdown

    if out is None:
        typer.echo(markdown())
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(markdown(), encoding="utf-8")
    say(f"written to {out}")


def add_commands() -> None:
    """Add the commands of this package and of those beside it, grouped for the help."""
    from quanyu import imports

    for module in imports.commands():
        module.add(app)
    panels = {name: panel for panel, names in PANELS.items() for name in names.split()}
    order = list(panels)
    commands: list[CommandInfo | TyperInfo] = [*app.registered_commands, *app.registered_groups]
    for command in commands:
        command.rich_help_panel = panels.get(_name_of(command), OTHERS)
    app.registered_commands.sort(key=lambda one: order.index(_name_of(one)) if _name_of(one) in order else len(order))


def _name_of(command: CommandInfo | TyperInfo) -> str:
    return str(command.name or getattr(command.callback, "__name__", ""))


def main() -> None:
    """Run the command line. Errors end in a message and an exit code, without a traceback."""
    try:
        add_commands()
        app()
    except Exception as error:
        from quanyu.printable import show_error
        from quanyu.run.faults import explain_error

        fault = explain_error(error)
        show_error(fault)
        sys.exit(fault.exit_code)


if __name__ == "__main__":
    main()
