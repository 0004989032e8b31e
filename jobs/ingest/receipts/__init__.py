"""Groups whose rows come on several days, such as receipts."""
