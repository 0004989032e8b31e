"""Commands of the grammar: `reference`, its pages, and `schema`, JSON Schemas for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from quanyu.cli import say
from quanyu.errors import ConfigError, nearest


def add(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(reference)
    app.command()(schema)


def reference(
    kind: Annotated[
        str | None, typer.Argument(help="Kind of declaration, such as audience.", show_default="all")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write all pages into this folder.")] = None,
) -> None:
    """Show what a kind of declaration may say: its keys, types, defaults, and an example.

    Example: `quanyu reference audience` or `quanyu reference --out docs/reference`
    """
    from quanyu.grammar.pages import reference as pages

    if out is not None:
        say(f"{out}: {len(pages.write(out))} pages")
        return
    texts = pages.pages()
    name = f"{kind or 'README'}.md"
    if name not in texts:
        kinds = [file.removesuffix(".md") for file in texts if file != "README.md"]
        raise ConfigError(f"unknown kind {kind!r}; {nearest(str(kind), kinds)}")
    typer.echo(texts[name], nl=False)


def schema(
    kind: Annotated[
        str | None, typer.Argument(help="Kind of declaration, such as audience.", show_default="all")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write KIND.json of every kind into this folder.")] = None,
) -> None:
    """Write JSON Schemas of the declarations in YAML, with which an editor completes and checks them as you type.

    Example: `quanyu schema audience` or `quanyu schema --out schemas`
    """
    from quanyu.grammar.pages import kinds, schema

    if out is not None:
        say(_editor_settings(schema.write(out)))
    elif kind is not None:
        typer.echo(schema.text(kinds.yaml_kind(kind)), nl=False)
    else:
        raise ConfigError(f"name a kind, or a folder for all: --out schemas; kinds: {', '.join(kinds.yaml_kinds())}")


def _editor_settings(files: dict[str, Path]) -> str:
    """What an editor with the YAML language server must be told, as in VS Code's settings.json."""
    schemas = {str(file): f"conf/{pattern}" for pattern, file in files.items()}
    return f"Give this to the YAML language server:\n{json.dumps({'yaml.schemas': schemas}, indent=2)}"
