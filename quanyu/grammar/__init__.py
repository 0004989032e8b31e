"""Declarations: what can be declared, and how each checks and describes itself."""
