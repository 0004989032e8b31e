"""Rows that models learn from and score: who, when, features and outcome."""
