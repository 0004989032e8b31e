"""The lift of programmes: what they brought against their holdout, by intent to treat."""
