"""The One Model: every Delta table as a class, by subject."""
