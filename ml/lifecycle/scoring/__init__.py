"""Scores of every day, why they are so, and how they hold up."""
