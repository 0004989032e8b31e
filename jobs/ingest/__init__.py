"""Any Source: read, map, check, quarantine, merge."""
