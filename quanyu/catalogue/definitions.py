"""What each declaration says, as text and hash, so that a change of meaning is noticed and an earlier one is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel

from quanyu.grammar.declaration import digest
from quanyu.grammar.entity import Entity
from quanyu.grammar.feature import FeatureView
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.names import inputs_of
from quanyu.grammar.table import Table

if TYPE_CHECKING:
    from quanyu.discover import Catalogue

LINE_WIDTH = 110
# Keys of a definition that change no value.
WORDS = ("means", "zh", "unit", "lifecycle", "category")


@dataclass(frozen=True)
class Definition:
    """What a declaration says: its kind, its name as rules write it, and its text."""

    kind: str
    """`feature`, `tag`, `model`, `metric`, `audience` or `journey`."""
    name: str
    text: str
    inputs: str = ""
    """Hash of what decides the values of all that it is made of; empty if it is made of facts."""

    def digest(self) -> str:
        """Hash of the text, followed by that of the inputs."""
        return _joined(digest(self.text), self.inputs)

    def computed(self) -> str:
        """Hash of what decides the values, followed by that of the inputs.

        It is of the text without sentence, names, unit, lifecycle and category.
        """
        return _joined(self._own(), self.inputs)

    def _own(self) -> str:
        said = yaml.safe_load(self.text)
        return digest({key: value for key, value in said.items() if key not in WORDS})


def _joined(own: str, inputs: str) -> str:
    return f"{own}.{inputs}" if inputs else own


def is_same(one: str, other: str) -> bool:
    """Whether two digests of a definition, of `digest` or of `computed`, say the same.

    Earlier releases recorded no inputs. Nothing is known then of what these were, and they are taken to be the same:
    else every tag would seem to have changed on the day of an upgrade.
    """
    (own, _, inputs), (other_own, _, other_inputs) = one.partition("."), other.partition(".")
    return own == other_own and (inputs == other_inputs or not (inputs and other_inputs))


def definitions(catalogue: Catalogue) -> list[Definition]:
    """Definitions of features, tags, models, metrics, audiences and journeys, without retired ones."""
    features = (
        Definition("feature", f"{view.name}.{name}", feature_text(view, name, catalogue.tables))
        for view in catalogue.views.values()
        for name in view.features
    )
    tags = (
        Definition("tag", name, declared_text(tag))
        for entity in catalogue.entities.values()
        for name, tag in catalogue.tags_of(entity).items()
    )
    models = (Definition("model", name, model_text(spec)) for name, spec in catalogue.models.items())
    metrics = (
        Definition("metric", name, declared_text(metric))
        for file in catalogue.metrics.values()
        for name, metric in file.named()
    )
    others = (
        Definition(declared.kind, declared.name, declared_text(declared))
        for declared in [*catalogue.audiences.values(), *catalogue.journeys.values()]
    )
    return [*_with_inputs(catalogue, [*features, *tags, *models]), *metrics, *others]


def computed_digests(catalogue: Catalogue, entity: type[Entity]) -> dict[str, str]:
    """Hash of what decides the values of each name of an entity, as statistics record it: see `is_same`.

    Of a score it is the type, followed by what its model says and learns from; of an attribute the type.
    """
    by_name = {(one.kind, one.name): one for one in definitions(catalogue) if one.kind in ("feature", "tag", "model")}
    digests = {}
    for name, column in catalogue.names(entity).items():
        declared = by_name.get(("tag", name)) or by_name.get(("feature", name))
        model = by_name.get(("model", name.partition(".")[0]))
        digests[name] = declared.computed() if declared else _joined(column.type, model.computed() if model else "")
    return digests


def _with_inputs(catalogue: Catalogue, declared: Iterable[Definition]) -> list[Definition]:
    """Definitions with the hash of their inputs, theirs, down to facts and attributes."""
    complete: dict[str, Definition] = {}
    texts, inputs = {one.name: one for one in declared}, _inputs(catalogue)
    attributes = {
        f"{entity.name}.{name}": digest([column.type, column.survivorship, column.strictest])
        for entity in catalogue.entities.values()
        for name, column in entity.attributes(catalogue.tables).items()
    }

    def completed(name: str) -> Definition:
        if name not in complete:
            values = {one: value(one) for one in inputs.get(name, ())}
            complete[name] = replace(texts[name], inputs=digest(values) if values else "")
        return complete[name]

    def value(name: str) -> str:
        """What decides an input: a tag or feature, the model of a score, an attribute."""
        known = name if name in texts else name.partition(".")[0]
        return completed(known).computed() if known in texts else attributes.get(name, "")

    return [completed(name) for name in texts]


def _inputs(catalogue: Catalogue) -> dict[str, list[str]]:
    """Names that each tag and model is made of."""
    tags = (catalogue.tags_of(entity) for entity in catalogue.entities.values())
    of_tags = {name: tag.inputs() for of_entity in tags for name, tag in of_entity.items()}
    return of_tags | {name: inputs_of(spec) for name, spec in catalogue.models.items()}


def declared_text(declared: BaseModel) -> str:
    """What a YAML declaration says, without its name, file and defaults."""
    said = declared.model_dump(mode="json", exclude={"name", "file"}, exclude_defaults=True)
    return _text(said)


def feature_text(view: type[FeatureView], name: str, tables: Mapping[str, type[Table]]) -> str:
    """What a feature says, with what it shares with its view and what named conditions mean."""
    feature, window = view.features[name], view.window(view.features[name])
    over = tables.get(view.over.name, view.over)
    said: dict[str, Any] = {
        "means": feature.about, "value": feature.expression, "where": feature.where, "over": over.name,
        "rows": view.where, "within": f"{window} days" if window else "all time", "unit": feature.unit,
        "via": view.via, "derived": {key: repr(value) for key, value in view.derived.items()},
        "groups": view.groups and {"by": dict(view.groups.by), "values": dict(view.groups.values)},
        "purpose": view.purpose, "category": feature.category or view.category,
        "lifecycle": view.lifecycle if view.lifecycle != "live" else None,
    }  # fmt: skip
    said["conditions"] = dict(_conditions(over, said))
    return _text({key: value for key, value in said.items() if value})


def _conditions(over: type[Table], said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Named conditions of the table that the texts mention."""
    words = set(" ".join(str(value) for value in said.values()).replace("(", " ").replace(")", " ").split())
    for name, condition in over.conditions.items():
        if name in words:
            yield name, condition.sql


def model_text(spec: type[ModelSpec]) -> str:
    """What a model says: population, label, task, features, baseline and gates."""
    said = {
        "means": " ".join((spec.__doc__ or "").split()), "population": spec.population, "label": repr(spec.label),
        "task": type(spec.task).__name__, "features": list(spec.features),
        "baseline": spec.baseline and repr(spec.baseline), "gates": [repr(gate) for gate in spec.gates],
    }  # fmt: skip
    return _text({key: value for key, value in said.items() if value})


def _text(said: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(said), allow_unicode=True, sort_keys=False, width=LINE_WIDTH)
    return text.rstrip("\n")
