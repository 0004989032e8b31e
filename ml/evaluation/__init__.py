"""Figures of models on a later period, each with its interval: ranking, calibration, segments, costs, leaks, card."""
