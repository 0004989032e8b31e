"""What a model means: a hash of its declaration and of the definitions of all that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from quanyu.catalogue.definitions import Definition, declared_text, feature_text
from quanyu.discover import Catalogue
from quanyu.expressions import ExpressionError, parse
from quanyu.grammar.declaration import digest
from quanyu.grammar.model_spec import Label, ModelSpec
from quanyu.grammar.names import inputs_of, with_inputs
from quanyu.grammar.offers.assignments import CampaignAssignments


def meaning(catalogue: Catalogue, spec: type[ModelSpec]) -> str:
    """Hash of a model's declaration, of what its label counts, and of what its features and population are.

    A version that was trained under another hash answers another question: it must not score. Sentences, units and
    code are no part of it.
    """
    names = with_inputs(inputs_of(spec), catalogue.tags_of(spec.entity))
    definitions = {name: _of(catalogue, spec, name) for name in names}
    counted = [_counted(catalogue, rows) for rows in (spec.label, spec.experiment) if rows]
    return digest([spec.digest(), *counted, definitions])


def _of(catalogue: Catalogue, spec: type[ModelSpec], name: str) -> object:
    """What decides the values of a tag, a feature, another model's score, or an attribute."""
    owner, _, column = name.partition(".")
    if tag := catalogue.tags_of(spec.entity).get(name):
        return Definition("tag", name, declared_text(tag)).computed()
    view = catalogue.views.get(owner)
    if view is not None and column in view.features:
        return Definition("feature", name, feature_text(view, column, catalogue.tables)).computed()
    if owner in catalogue.models:
        return catalogue.models[owner].digest()
    attribute = catalogue.names(spec.entity).get(name)
    return attribute and [attribute.type, attribute.survivorship, attribute.strictest]


def _counted(catalogue: Catalogue, rows: Label | CampaignAssignments) -> dict[str, str]:
    """Named conditions of a table that a label or an experiment mentions, which a conf folder may define."""
    table = catalogue.tables.get(rows.over)
    conditions = table.conditions if table else {}
    texts = (rows.where, rows.value) if isinstance(rows, Label) else (rows.where,)
    return {name: conditions[name].sql for name in _columns(texts) if name in conditions}


def _columns(texts: Iterable[str]) -> Iterator[str]:
    for text in filter(None, texts):
        try:
            yield from parse(text).columns
        except ExpressionError:
            continue
