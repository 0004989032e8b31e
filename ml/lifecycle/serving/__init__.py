"""How recorded models predict, by files that MLflow stores with each of them."""
