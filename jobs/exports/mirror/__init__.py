"""Keeps the set of values on a platform equal to those who should be there."""
