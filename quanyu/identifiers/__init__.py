"""Identifiers of persons: one normalisation, what is refused, and which identifiers are valid on a day."""
