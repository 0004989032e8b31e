"""Journeys: who gets which message and when, decided by day and sent once."""
