"""What was known of entities at the end of a day: facts, views, profiles, and frames of pairs of entity and cutoff."""
