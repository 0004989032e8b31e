"""The forms of a lake: an engine and a committer. `make test` takes the embedded one, `make test-spark` the cluster."""

import pytest

SAIL = pytest.param(("sail", "deltalake"), id="sail")
# Each half of it is in another form; test_both_engines.py has a short case of it.
MIXED = pytest.param(("spark", "deltalake"), id="spark-deltalake", marks=[pytest.mark.spark, pytest.mark.long])
FORMS = [SAIL, MIXED, pytest.param(("spark", "spark"), id="spark", marks=pytest.mark.spark)]
# For tests of which each takes a minute on Apache Spark.
LONG_ON_SPARK = [
    SAIL, MIXED, pytest.param(("spark", "spark"), id="spark", marks=[pytest.mark.spark, pytest.mark.long]),
]  # fmt: skip
