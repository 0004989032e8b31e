"""Pasts of purchases as features tell them, for models that read them."""

import numpy as np
import pandas as pd


def pasts(random: np.random.Generator, count: int) -> pd.DataFrame:
    """Days with a purchase, days since the first and since the last one of customers: shape (count, 3)."""
    first = random.integers(1, 400, count).astype(float)
    days = np.minimum(1 + random.poisson(first / random.gamma(2, 40, count)), 30).astype(float)
    last = np.where(days > 1, np.floor(first * random.beta(1, 3, count) * 0.99), first)
    names = ("rhythm.purchase_days", "recency.days_since_first", "recency.days_since_order")
    return pd.DataFrame(dict(zip(names, (days, first, last), strict=True)))
