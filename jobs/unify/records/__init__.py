"""Records of persons as of a day, and the state that makes the next day incremental."""
