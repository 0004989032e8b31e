"""Versions of models: what each means, where its files lie, and which one scores."""
