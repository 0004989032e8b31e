"""Commands of models: which versions there are, which one scores, and the decision that another one does."""

from __future__ import annotations

import getpass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quanyu.cli import Conf, Home, Wait, opened, say
from quanyu.errors import ConfigError, nearest

if TYPE_CHECKING:
    from ml.lifecycle.champions.versions import ModelVersion
    from quanyu.config.settings import Settings
    from quanyu.discover import Catalogue

model = typer.Typer(no_args_is_help=True, help="Models: versions, champions, and how they hold up.")
Name = Annotated[str, typer.Argument(help="The model, such as churn.")]
By = Annotated[str, typer.Option(help="Who decides it.", show_default="the user of this machine")]
Why = Annotated[str, typer.Option(help="The reason, in your words; it is stored.")]


def add(app: typer.Typer) -> None:
    """Add these commands to the product's command."""
    app.add_typer(model, name="model")


@model.command("list")
def list_models(conf: Conf = None, home: Home = None) -> None:
    """List the models with the version that scores.

    Example: `quanyu model list`
    """
    from ml.lifecycle.champions import pages
    from ml.lifecycle.registry import Registry
    from quanyu import discover

    settings = opened(conf, home)
    say(pages.overview(discover.load(settings), Registry.of(settings)))


@model.command()
def show(
    name: Name,
    plot: Annotated[Path | None, typer.Option(help="Write a plot of drift and of what came true to this file.")] = None,
    conf: Conf = None, home: Home = None,
) -> None:  # fmt: skip
    """Show a model's versions: trained on which day, with which figures beside the baseline's, and why one is not used.

    Example: `quanyu model show churn` or `quanyu model show churn --plot churn.png`
    """
    from ml.lifecycle.champions import pages
    from ml.lifecycle.registry import Registry
    from quanyu import discover

    settings = opened(conf, home)
    catalogue = discover.load(settings)
    _check_name(catalogue, name)
    say(pages.versions_of(catalogue, Registry.of(settings), name))
    if plot is not None:
        say(_plotted(settings, name, plot))


@model.command()
def promote(
    name: Name, version: Annotated[int, typer.Argument(help="Number of the version.")], why: Why, by: By = "",
    anyway: Annotated[bool, typer.Option("--anyway", help="Although it failed its gates.")] = False,
    conf: Conf = None, home: Home = None, wait: Wait = 0,
) -> None:  # fmt: skip
    """Make a version the champion, which scores from the next run on; the champion of now is kept as the previous one.

    Example: `quanyu model promote churn 3 --why "the fall campaign is over"`
    """
    from ml.lifecycle.champions.versions import listed, promote_by_hand
    from ml.lifecycle.registry import Registry
    from quanyu import discover
    from quanyu.home.lock import home_lock

    settings = opened(conf, home)
    catalogue = discover.load(settings)
    _check_name(catalogue, name)
    with home_lock(settings, wait), Registry.of(settings).client() as client:
        for candidate in listed(client, name):
            if candidate.version == version:
                _check_meaning(catalogue, candidate)
        promote_by_hand(client, name, version, by or getpass.getuser(), why, anyway)
    say(f"{name} version {version} is the champion; the next run scores with it")


@model.command()
def rollback(
    name: Name, why: Why, by: By = "", conf: Conf = None, home: Home = None, wait: Wait = 0
) -> None:  # fmt: skip
    """Make the previous champion the champion again, and withdraw the one of now.

    Example: `quanyu model rollback churn --why "its list was useless"`
    """
    from ml.lifecycle.champions.versions import PREVIOUS, of_alias, roll_back
    from ml.lifecycle.registry import Registry
    from quanyu import discover
    from quanyu.home.lock import home_lock

    settings = opened(conf, home)
    catalogue = discover.load(settings)
    _check_name(catalogue, name)
    with home_lock(settings, wait), Registry.of(settings).client() as client:
        if previous := of_alias(client, name, PREVIOUS):
            _check_meaning(catalogue, previous)
        withdrawn, champion = roll_back(client, name, by or getpass.getuser(), why)
    say(f"{name} version {champion.version} of {champion.trained_on} is the champion again; version"
        f" {withdrawn.version} is withdrawn, and the next run scores without it")  # fmt: skip


@model.command()
def reproduce(
    name: Name, version: Annotated[int, typer.Argument(help="Number of the version.")],
    conf: Conf = None, home: Home = None,
) -> None:  # fmt: skip
    """Train a version again from the tables as they were, and compare data and metrics with those recorded.

    Example: `quanyu model reproduce churn 3`
    """
    from ml.lifecycle.champions.reproduction import reproduce as train_again
    from ml.lifecycle.registry import Registry
    from quanyu import discover

    settings = opened(conf, home)
    catalogue = discover.load(settings)
    _check_name(catalogue, name)
    numbers = {str(each.version): each for each in Registry.of(settings).versions(name)}
    if str(version) not in numbers:
        raise ConfigError(f"{name} has no version {version}; {nearest(str(version), numbers)}")
    _check_meaning(catalogue, numbers[str(version)])
    result = train_again(settings, numbers[str(version)])
    say("the training data is the same" if result.same_data else "the training data is NOT the same")
    for metric, (recorded, now) in result.differing.items():
        say(f"{metric}: recorded {recorded:.6g}, now {now:.6g}")
    say(f"{len(result.metrics) - len(result.differing)} of {len(result.metrics)} metrics are as recorded")
    if not result.same_data or result.differing:
        raise typer.Exit(1)


def _plotted(settings: Settings, name: str, file: Path) -> str:
    from ml.lifecycle.scoring.monitor import PLACE
    from ml.lifecycle.scoring.monitor_plot import plot as monitoring_plot
    from quanyu.run.runner import Context

    context = Context(settings, date.min)
    if not context.lake.exists(PLACE):
        raise ConfigError(f"{name} was not monitored yet: the first scores of a champion are")
    monitoring_plot(context, name).savefig(file)
    return f"written to {file}"


def _check_name(catalogue: Catalogue, name: str) -> None:
    if name not in catalogue.models:
        raise ConfigError(f"there is no model {name!r}; {nearest(name, catalogue.models)}")


def _check_meaning(catalogue: Catalogue, version: ModelVersion) -> None:
    """Raise ConfigError for a version that would score nothing, because the model is declared otherwise now."""
    from ml.lifecycle.champions.meaning import meaning

    if version.meaning != meaning(catalogue, catalogue.models[version.name]):
        raise ConfigError(
            f"{version.name} is declared otherwise than version {version.version} was: it answers another question."
            f" Restore the declaration, or train now: quanyu job train.{version.name} --day DAY --force"
        )
