"""One file per channel; a new one is a new file here and nothing else."""
