"""Verification: computes a day on two engines, on copies of a home, and compares the tables row by row."""
