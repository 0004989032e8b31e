"""Trade: the calendar, prices, the states of customers, their baskets, and stock."""
