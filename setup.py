"""For tools that still look for a setup.py; all that it could say is in pyproject.toml."""

from setuptools import setup

setup()
