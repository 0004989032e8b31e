"""Extracts: tables of databases copied into landing."""
