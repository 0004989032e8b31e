"""Metrics: numbers of the business by day and dimension, in a tree from business goals to metrics."""
