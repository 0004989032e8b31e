"""Point-in-time frames: what was known of entities at the end of many cutoffs, by one pass over the facts."""
