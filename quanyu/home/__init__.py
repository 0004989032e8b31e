"""The home of a retailer: its name, lock, backups and diagnosis."""
