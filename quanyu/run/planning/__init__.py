"""What a run of a day does, decided and told before it does."""
