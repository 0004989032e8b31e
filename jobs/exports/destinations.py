"""Where audiences can be sent: accounts on platforms, and file drops, which need none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date

from pydantic import ValidationError

from jobs.audiences.rules import names_in_rules, with_named
from jobs.exports.destination import Destination
from jobs.exports.files.file_destination import FileDestination
from jobs.exports.forms import kinds_of
from jobs.exports.mirror.mirrored_destination import MirroredDestination
from jobs.exports.platform import OnlinePlatform, Platform
from jobs.exports.tokens import OAuthOptions
from quanyu import imports
from quanyu.catalogue.categories import categories_behind, categories_of_measure
from quanyu.discover import Catalogue
from quanyu.errors import ExpressionError, nearest
from quanyu.grammar.audience import Audience
from quanyu.grammar.declaration import Problems, explain
from quanyu.grammar.names import with_inputs
from quanyu.grammar.platforms.account import Account
from quanyu.grammar.platforms.categories import CATEGORIES, Category

# A file or a folder for each.
PLATFORMS = "jobs.exports.platforms"


def platforms() -> dict[str, type[Platform]]:
    """Every platform by the name of its file or folder."""
    classes = imports.subclasses(imports.modules(PLATFORMS, folders=True), Platform)
    return {platform.__module__.removeprefix(f"{PLATFORMS}.").partition(".")[0]: platform for platform in classes}


def destinations(catalogue: Catalogue) -> dict[str, Destination]:
    """Every destination by the name that audiences use under `send_to`; accounts with mistakes are left out."""
    classes = platforms()
    drops = [destination(name, each) for name, each in classes.items() if not issubclass(each, OnlinePlatform)]
    accounts = [
        destination(account.name, classes[account.platform], account)
        for account in catalogue.platforms.values()
        if account.platform in classes
    ]
    return {each.name: each for each in (*drops, *accounts)}


def destination(name: str, platform: type[Platform], account: Account | None = None) -> Destination:
    """A platform with its account, by the way in which the platform takes members."""
    kind = MirroredDestination if issubclass(platform, OnlinePlatform) else FileDestination
    return kind(name, platform, account)


def kinds_sent(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Kinds of address that each destination sends."""
    return {name: kinds_of(each.forms) for name, each in destinations(catalogue).items()}


def check_accounts(catalogue: Catalogue, problems: Problems) -> None:
    """Add the mistakes in declarations of accounts."""
    classes = platforms()
    for account in catalogue.platforms.values():
        platform = classes.get(account.platform)
        if platform is None:
            problems.add(
                account.file, "platform", f"unknown {account.platform!r}; {nearest(account.platform, classes)}"
            )
            continue
        if account.name in classes and account.name != account.platform:
            problems.add(account.file, "", f"{account.name!r} is a platform itself: give the account another name")
        for name in account.send:
            if name not in platform.forms:
                words = f"{account.platform} takes no {name!r}; {nearest(name, platform.forms)}"
                problems.add(account.file, "send", words)
        _check_options(account, platform, problems)


def check_forbidden(catalogue: Catalogue, problems: Problems) -> None:
    """Add what audiences are made of that an account they are sent to, or its platform, forbids.

    One that has ended is only withdrawn: that must not wait for a change of its rule.
    """
    there = destinations(catalogue)
    sent = [audience for audience in catalogue.audiences.values() if audience.send_to and not _has_ended(audience)]
    for audience in (one for one in sent if one.entity in catalogue.entities):
        # An invalid rule is reported by the check of audiences.
        with suppress(ExpressionError):
            wanted = [there[name] for name in audience.send_to if name in there]
            for key, audiences, more in _made_of(catalogue, audience):
                names = [*names_in_rules(catalogue, audiences), *more]
                for words in dict.fromkeys(_forbidden(catalogue, audience, names, audiences, wanted)):
                    problems.add(audience.file, key, words)


def _has_ended(audience: Audience) -> bool:
    return audience.ended is not None and audience.ended <= date.today()


def _made_of(catalogue: Catalogue, audience: Audience) -> Iterator[tuple[str, list[Audience], Sequence[str]]]:
    """Keys of an audience, with the audiences whose rules it uses by them, and further names."""
    yield "who", [audience], ()
    if audience.alike:
        seeds = [catalogue.audiences[name] for name in audience.alike.seeds if name in catalogue.audiences]
        yield "alike.seeds", seeds, ()
        yield "alike.features", [], audience.alike.names()


def _forbidden(
    catalogue: Catalogue, audience: Audience, names: Sequence[str], audiences: Sequence[Audience],
    wanted: Sequence[Destination],
) -> Iterator[str]:  # fmt: skip
    entity = catalogue.entities[audience.entity]
    listed = with_inputs(names, catalogue.tags_of(entity))
    categories: dict[str, set[Category]] = categories_behind(catalogue, entity, names)
    for one in with_named(catalogue, audiences):
        for name, measure in one.measures.items():
            categories[f"{name} of {one.name}"] = categories_of_measure(catalogue, measure)
    for destination in wanted:
        forbidden = {*destination.account.forbidden} if destination.account else set()
        for name in listed:
            if {name, name.partition(".")[0]} & forbidden:
                yield f"{name} decides who is in, and {destination.name} forbids its use"
        for name, some in categories.items():
            for category in sorted(some & {*destination.platform.forbids}):
                yield (f"{name} decides who is in: it is of the category {category} ({CATEGORIES[category]}),"
                       f" of which {destination.platform.name} forbids audiences")  # fmt: skip


def _check_options(account: Account, platform: type[Platform], problems: Problems) -> None:
    is_online = issubclass(platform, OnlinePlatform)
    if is_online and not account.token:
        problems.add(account.file, "token", "is missing: write a reference such as env:NAME or file:PATH")
    if account.results and not (issubclass(platform, OnlinePlatform) and "results" in platform.can()):
        problems.add(account.file, "results", f"{account.platform} gives none by an interface: deliver them as a feed")
    try:
        options = platform.options.model_validate(account.options)
        shared = issubclass(platform, OnlinePlatform) and platform.renewal is not None and platform.renewal.shared
        if shared and isinstance(options, OAuthOptions) and options.client_id and not account.token.startswith("file:"):
            words = "write file:PATH of a file that we may write: new tokens are kept there"
            problems.add(account.file, "token", words)
    except ValidationError as error:
        for item in error.errors():
            key = ".".join(map(str, ("options", *item["loc"])))
            problems.add(account.file, key, explain(platform.options, item))
