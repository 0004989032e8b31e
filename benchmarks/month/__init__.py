"""A month of the sample retailer with a mail server that fails in every way, kills, copies and losses."""
