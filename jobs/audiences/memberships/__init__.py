"""Who is in each audience since when: which days are due, their evaluation, intervals, and the record of each day."""
