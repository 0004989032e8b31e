"""The catalogue as Markdown pages by subject: entities with tags and features, audiences, metrics, tables, feeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from quanyu.catalogue.entries import Entry, entries
from quanyu.catalogue.occurring import OccurringValues
from quanyu.catalogue.tables import feeds_page, gold_page, silver_page
from quanyu.discover import Catalogue
from quanyu.grammar.entity import Entity
from quanyu.markdown import grid
from quanyu.run.stage import Stage

INDEX = """# Catalogue

Generated from the declarations by `quanyu catalogue --out docs/catalogue`; a test keeps it current. With `--home`, the
pages also say which values occur in that home. `quanyu tags` searches in the terminal, `quanyu tag NAME` shows one.
"""


def pages(catalogue: Catalogue, stages: Sequence[Stage], occurring: OccurringValues) -> dict[str, str]:
    """The text of every page by file name, with the index as `README.md`."""
    listed = {entity: entries(catalogue, stages, name) for name, entity in catalogue.entities.items()}
    texts = {f"{entity.name}.md": _entity(entity, own, occurring) for entity, own in listed.items() if own}
    texts["audiences.md"] = _audiences(catalogue)
    texts["metrics.md"] = _metrics(catalogue)
    texts["silver.md"], texts["gold.md"] = silver_page(catalogue, occurring), gold_page(catalogue, occurring)
    texts["feeds.md"] = feeds_page(catalogue)
    return {"README.md": _index(catalogue, listed), **texts}


def write(folder: Path, texts: dict[str, str]) -> None:
    """Write every page into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _index(catalogue: Catalogue, listed: dict[type[Entity], list[Entry]]) -> str:
    rows = [
        (
            f"[{entity.name}]({entity.name}.md)",
            " ".join((entity.__doc__ or "").split()),
            f"{len(own)} names: {_kinds(own)}",
        )
        for entity, own in listed.items()
        if own
    ]
    layers = {layer: sum(t.layer == layer for t in catalogue.tables.values()) for layer in ("silver", "gold")}
    rows += [
        ("[audiences](audiences.md)", "Who is in, for what, and where it goes; journeys.",
         f"{len(catalogue.audiences)} audiences, {len(catalogue.journeys)} journeys"),
        ("[metrics](metrics.md)", "Numbers of the business by day and dimension.",
         f"{sum(len(file.metrics) for file in catalogue.metrics.values())} metrics"),
        ("[silver](silver.md)", "Checked facts by source.", f"{layers['silver']} tables"),
        ("[gold](gold.md)", "What is computed.", f"{layers['gold']} tables"),
        ("[feeds](feeds.md)", "What comes in.", f"{len(catalogue.sources)} feeds"),
    ]  # fmt: skip
    return INDEX + "\n" + grid(("page", "what it is about", "holds"), rows)


def _kinds(own: Iterable[Entry]) -> str:
    kinds = [entry.kind for entry in own]
    return ", ".join(
        f"{kinds.count(kind)} {kind}{'s' if kinds.count(kind) > 1 else ''}" for kind in dict.fromkeys(kinds)
    )


def _entity(entity: type[Entity], own: Sequence[Entry], occurring: OccurringValues) -> str:
    """Tags by scene, features by view, scores and attributes of an entity."""
    about = " ".join((entity.__doc__ or "").split())
    parts = [f"# {entity.name.capitalize()}\n\n{about} Rules name the first column of these tables.\n"]
    for scene, rows in groupby(own, key=lambda entry: entry.scene):
        some = list(rows)
        first = some[0]
        purpose = f" Used only for those who agreed to {first.purpose}." if first.purpose else ""
        title = f"## {scene}\n\n{_capital(first.kind)}s. {first.about_scene}{purpose} Owner: {first.owner}.\n"
        parts += [title, _names(some, occurring)]
    return "\n".join(parts)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _names(some: Sequence[Entry], occurring: OccurringValues) -> str:
    more = ("have it", "values that occur") if occurring.is_known else ()
    rows = [
        (
            f"`{e.name}`",
            e.zh,
            _meaning(e),
            e.column.type,
            e.users(),
            *(occurring.of_entry(e) if more else ()),
        )
        for e in some
    ]
    return grid(("name", "中文", "meaning", "type", "used by", *more), rows)


def _meaning(entry: Entry) -> str:
    column = entry.column
    sentences = [column.comment, f"One of {', '.join(column.values)}." if column.values else ""]
    sentences.append(f"Lifecycle: {entry.lifecycle}." if entry.lifecycle != "live" else "")
    return " ".join(filter(None, sentences))


def _audiences(catalogue: Catalogue) -> str:
    rows = [
        (f"`{name}`", one.describes, one.entity, f"`{one.who}`", one.purpose, f"{one.holdout:.0%}",
         ", ".join(one.send_to), one.owner)
        for name, one in sorted(catalogue.audiences.items())
    ]  # fmt: skip
    journeys = [
        (f"`{name}`", one.describes, f"`{one.enters}`", one.owner) for name, one in sorted(catalogue.journeys.items())
    ]
    header = ("audience", "who they are", "of", "rule", "purpose", "holdout", "goes to", "owner")
    return "\n".join(["# Audiences\n", grid(header, rows), "# Journeys\n",
                      grid(("journey", "what it does", "enters", "owner"), journeys)])  # fmt: skip


def _metrics(catalogue: Catalogue) -> str:
    """Metrics by subject; how each is computed and the tree are shown by `quanyu metrics`."""
    parts = ["# Metrics\n\n`quanyu metrics` shows their values, `quanyu metrics NAME` how one is computed.\n"]
    for subject, file in sorted(catalogue.metrics.items()):
        rows = [
            (f"`{name}`", one.zh, one.means, one.unit, ", ".join(one.dimensions), one.standard)
            for name, one in file.named()
        ]
        parts.append(f"## {subject}\n\n{file.describes} Owner: {file.owner}.\n")
        parts.append(grid(("metric", "中文", "meaning", "unit", "by", "source of the definition"), rows))
    return "\n".join(parts)
