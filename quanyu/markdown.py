"""Tables of generated pages in Markdown."""

from __future__ import annotations

from collections.abc import Iterable


def grid(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of these rows, each with as many cells as the header."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
