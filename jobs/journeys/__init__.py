"""Who gets what and when, decided by day and sent once."""
