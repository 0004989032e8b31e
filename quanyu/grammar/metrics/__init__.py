"""Metrics: their declaration, the plan of their computation, and the checks of both."""
