"""The summary of a run for people: its steps, notes and figures."""
