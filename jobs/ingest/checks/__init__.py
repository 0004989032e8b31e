"""Checks of a delivery: limits, quarantine, counts and refused identifiers."""
