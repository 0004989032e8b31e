"""Ingestion of any Source: read, map, check, quarantine, merge into silver."""
