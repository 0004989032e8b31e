"""Likeness of records of persons: fields, blocks, comparisons, weights. It knows nothing of the lake or an engine."""
