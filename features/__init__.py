"""Declarations only: features of a customer as of a day, one file per subject."""
