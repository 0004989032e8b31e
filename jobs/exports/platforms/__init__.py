"""One file per platform; a new one is a new file here and nothing else."""
