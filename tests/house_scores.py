"""The table of customers' scores, with the columns of every model of the house."""

from quanyu.grammar.model_spec import ModelSpec
from quanyu.imports import modules, subclasses
from quanyu.model.entities import Customer
from quanyu.model.outcomes import score_columns, scores_of

SCORES = scores_of(Customer, score_columns(subclasses(modules("ml"), ModelSpec)))
