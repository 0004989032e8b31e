"""How models hold up after their training: drift of what they read and say, and how they came true."""

from __future__ import annotations

from quanyu.grammar.table import Column, Table


class ModelMonitoring(Table):
    """A measure of a model's scores of a day: drift against its training, or how they came true."""

    layer = "gold"
    keys = ("model", "version", "scored_on", "measure", "subject")
    owner = "ml"

    model = Column("string", "Name of the model.", required=True)
    version = Column("string", "Version that scored.", required=True)
    scored_on = Column("date", "Day of the scores.", required=True)
    measured_on = Column("date", "Day of the run that measured it.", required=True)
    measure = Column("string", "`psi` is the population stability index against the training; the others compare"
                     " scores with what came true, once it was known: of everybody whose horizon is over, or of those"
                     " whom campaigns drew after they were scored. `_low` and `_high` are bounds of 95 %.",
                     required=True)  # fmt: skip
    subject = Column("string", "Feature whose drift it is, or `score`.", required=True)
    value = Column("double", "The measure; `calibration` is what was foretold on the whole over what came, `mae` the"
                   " mean error of what was foretold, in its unit.", unit="unit of the measure")  # fmt: skip
    rows = Column("bigint", "Scores that it is measured on.", unit="rows", required=True)
