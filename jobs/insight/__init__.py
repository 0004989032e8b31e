"""Insight of audiences: size and trend, what they are like, whom they share, who is reached, and what changed."""
