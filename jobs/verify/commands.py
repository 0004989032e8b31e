"""The commands `verify`, which computes a day on both engines, and `back`, which restores a home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from quanyu.cli import Conf, Day, Home, Wait, opened, say
from quanyu.errors import ConfigError, nearest
from quanyu.run.business_days import day_of

if TYPE_CHECKING:
    from quanyu.config.settings import Settings

ENGINES = ("sail", "spark")
Other = Annotated[str | None, typer.Option(help="Engine to compare with.", show_default="the one not set")]

Sample = Annotated[int, typer.Option(min=0, help="Compare so many stored profiles of each entity with their facts.")]


def add(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(verify)
    app.command()(back)


def back(day: Day, conf: Conf = None, home: Home = None, wait: Wait = 0) -> None:
    """Restore the home to the state before a day that has not ended was run on it, such as a mistyped one.

    Days run after it are undone too: run them again.

    Example: `quanyu back --day 2052-02-03`
    """
    from jobs.verify.back import undo_days

    say(str(undo_days(opened(conf, home), day_of(day), wait)))


def verify(
    day: Day, engine: Other = None, sample: Sample = 0, conf: Conf = None, home: Home = None, wait: Wait = 0
) -> None:
    """Compute a day again on both engines, on copies of the home as it was before, and compare every table.

    Nothing is sent or exported, and the home does not change. The copies contain personal data and are removed at the
    end. Exit code 0: all tables are equal; 1: they differ.

    With `--sample`, compute only so many profiles of each entity again, as known on the day, and compare them with what
    the run of the day stored, whatever was recorded since.

    Example: `quanyu verify --day 2025-02-03` or `quanyu verify --day 2025-02-03 --sample 200`
    """
    if sample:
        raise typer.Exit(_compare_sample(opened(conf, home), day, sample))
    from rich.console import Console

    from jobs.verify.ending import clean_end
    from jobs.verify.proof import prove
    from jobs.verify.report import report

    settings = opened(conf, home)
    pair = _engines(settings, engine)
    with clean_end() as check_end, Console().status("copying the home") as status:

        def show(name: str, step: str) -> None:
            check_end()
            status.update(f"{name}: {step}")

        proof = prove(settings, day_of(day), pair, wait, show)
        check_end()
    say(report(proof))
    raise typer.Exit(0 if proof.equal else 1)


def _compare_sample(settings: Settings, day: str, number: int) -> int:
    """Compare a sample of stored profiles with a computation from facts, and say what differs; the exit code."""
    import contextlib

    from jobs.verify.sample import compare_samples, lines
    from quanyu.run.runner import Context

    with contextlib.closing(Context(settings, day_of(day))) as context:
        comparisons = compare_samples(context, number)
    say("\n".join(lines(comparisons)))
    return int(any(comparison.differences for comparison in comparisons))


def _engines(settings: Settings, requested: str | None) -> tuple[str, str]:
    """The engine of the home and the one to compare with. Raises ConfigError if one cannot run on this machine."""
    from quanyu.engine.session import engine_name, sail_version

    if requested is not None and requested not in ENGINES:
        raise ConfigError(f"--engine {requested}: unknown engine; {nearest(requested, ENGINES)}")
    current = engine_name(settings)
    pair = (current, requested or ENGINES[1 - ENGINES.index(current)])
    if "sail" in pair and sail_version() is None:
        raise ConfigError("the embedded engine (Sail) is not installed here: there is no wheel for this machine")
    if "spark" in pair and settings.spark.remote is None:
        _check_java(settings)
    return pair


def _check_java(settings: Settings) -> None:
    from quanyu.home.doctor import check

    for finding in check(settings.model_copy(update={"engine": "spark"})):
        if finding.name == "java" and not finding.ok:
            raise ConfigError(f"Apache Spark cannot run here: {finding.observed}. To compare with it, {finding.fix}")
