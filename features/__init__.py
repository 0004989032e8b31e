"""Declarations only: what is known of a customer as of a day, one file per subject."""
