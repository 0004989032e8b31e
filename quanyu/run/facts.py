"""The facts of an outcome: what a step found out, typed by its stage, stored as JSON and read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from quanyu.run.runner import Result

# Key of the class name in a stored form.
KIND = "kind"


@dataclass(frozen=True)
class Facts:
    """Base of the facts of steps, for the summary, MLflow or a service. No personal data.

    A stage declares subclasses as frozen dataclasses and lists them in `Stage.facts`. Their fields are numbers, texts,
    truth values, and mappings of texts to these. A field that is added later needs a default, for facts stored before.
    """


_Facts = TypeVar("_Facts", bound=Facts)


def stored(facts: Facts | None) -> dict[str, Any]:
    """The form of facts in the store; empty for none."""
    return {} if facts is None else {KIND: type(facts).__name__, **asdict(facts)}


def read(form: Mapping[str, Any] | None, kinds: Iterable[type[Facts]]) -> Facts | None:
    """Read facts from their stored form.

    A form of an earlier release has no class name: it is read as the class whose fields it has. None for a form that
    no class of this release can read.
    """
    if not form:
        return None
    values = {name: value for name, value in form.items() if name != KIND}
    fitting = (kind for kind in kinds if form.get(KIND, kind.__name__) == kind.__name__ and _fits(values, kind))
    return next((kind(**values) for kind in fitting), None)


def _fits(values: Mapping[str, Any], kind: type[Facts]) -> bool:
    required = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}
    return bool(required) and required <= set(values) <= {each.name for each in fields(kind)}


def of_kind(results: Iterable[Result], kind: type[_Facts]) -> list[tuple[Result, _Facts]]:
    """Results with facts of a kind, each with them."""
    return [(result, facts) for result in results if isinstance(facts := result.outcome.facts, kind)]
