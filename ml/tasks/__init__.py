"""Tasks of models, one file each: what is learned, how it is evaluated, and the columns of a score."""
