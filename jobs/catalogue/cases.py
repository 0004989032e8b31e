"""Where the specification cases of a tag or feature are, in a checkout of the product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_PLACES = 3


def places(name: str, root: Path = ROOT) -> list[str]:
    """The first files and lines that expect a value of it, as `tests/features/test_value.py:12`; none without tests."""
    return sorted(_places(name, root))[:MOST_PLACES]


def _places(name: str, root: Path) -> Iterator[str]:
    scene, _, short = name.partition(".")
    owner = re.compile(rf"\b({scene}|{scene.title().replace('_', '')})\b")
    expected = re.compile(rf"\b{short}\s*=|[\"']{short}[\"']\s*:")
    for path in (*root.glob("tests/features/test_*.py"), *root.glob("tests/jobs/**/test_*_spec.py")):
        text = path.read_text(encoding="utf-8")
        if owner.search(text):
            lines = enumerate(text.splitlines(), 1)
            yield from [f"{path.relative_to(root)}:{n}" for n, row in lines if expected.search(row)][:1]
