"""Likeness of records of persons: fields, blocks, comparisons, weights.

Runs on Spark's workers too, which have none of our packages: it imports third-party libraries and itself only, and
`cloudpickle.register_pickle_by_value` ships it.
"""
