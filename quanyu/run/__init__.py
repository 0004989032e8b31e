"""Runs: steps, the runner, the checks before and after, and what a person reads of a run."""
