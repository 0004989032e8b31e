"""The tree from business goals to metrics: for the terminal, and as a Mermaid diagram for the docs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.tree import Tree

from jobs.metrics.plans import metrics_of, parts_only
from quanyu.discover import Catalogue
from quanyu.printable import cell

# Name of the root of metrics without a parent.
OTHERS = "without a place in the tree"


@dataclass(frozen=True)
class TreeBranch:
    """A goal, a driver or a metric, and what is below it."""

    name: str
    means: str
    zh: str
    is_metric: bool
    below: tuple[TreeBranch, ...]


def branches(catalogue: Catalogue) -> list[TreeBranch]:
    """The business goals, each with all that is below it; then metrics without a parent, but for parts of ratios."""
    nodes = catalogue.metric_tree.nodes if catalogue.metric_tree else {}
    metrics = metrics_of(catalogue)
    metrics = {name: metric for name, metric in metrics.items() if name not in parts_only(metrics)}
    below: dict[str | None, list[str]] = {}
    parents = {name: node.parent for name, node in nodes.items()}
    parents |= {name: metric.parent for name, metric in metrics.items()}
    for name, parent in parents.items():
        below.setdefault(parent, []).append(name)

    def branch(name: str) -> TreeBranch:
        one = metrics.get(name) or nodes[name]
        return TreeBranch(name, one.means, one.zh, name in metrics, tuple(map(branch, below.get(name, []))))

    return [branch(name) for name in below.get(None, [])]


def drawn(catalogue: Catalogue, value_of: Callable[[str], str]) -> Tree:
    """The tree for the terminal, with the value of each metric."""
    root = Tree("metrics", hide_root=True)
    loose = [one for one in branches(catalogue) if one.is_metric]
    for one in branches(catalogue):
        if one not in loose:
            _draw(root, one, value_of)
    if loose:
        apart = root.add(OTHERS)
        for one in loose:
            _draw(apart, one, value_of)
    return root


def _draw(tree: Tree, one: TreeBranch, value_of: Callable[[str], str]) -> None:
    title = f"{one.name} {one.zh}".rstrip()
    words = f"{title}  {value_of(one.name)}" if one.is_metric else f"{title}: {one.means}"
    twig = tree.add(cell(words, "" if one.is_metric else "bold"))
    for lower in one.below:
        _draw(twig, lower, value_of)


def mermaid(catalogue: Catalogue) -> str:
    """The tree as a Mermaid flow chart, as Markdown renders it."""
    numbers: dict[str, int] = {}
    lines = [line for one in branches(catalogue) for line in _lines(one, numbers)]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```", ""])


def _lines(one: TreeBranch, numbers: dict[str, int]) -> Iterator[str]:
    own = numbers.setdefault(one.name, len(numbers))
    label = f"{one.name} {one.zh}".rstrip()
    yield f'  n{own}["{label}"]' if one.is_metric else f'  n{own}(["{label}"])'
    for lower in one.below:
        yield from _lines(lower, numbers)
        yield f"  n{own} --> n{numbers[lower.name]}"
