"""Tells people what a run found out of order."""
