"""Reads one landed file of any format into strings, and describes what could not be read.

It runs on Spark's workers, which have none of our packages: `cloudpickle.register_pickle_by_value` of this package
ships all of it, so its modules import only third-party libraries and each other.
"""

from jobs.ingest.reader.read import read_file
from jobs.ingest.reader.source import is_as_listed
from jobs.ingest.reader.spec import ReadSpec, output_schema

__all__ = ["ReadSpec", "is_as_listed", "output_schema", "read_file"]
