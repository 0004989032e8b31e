"""Alerts: tells operators by e-mail or webhook what went wrong in a run."""
