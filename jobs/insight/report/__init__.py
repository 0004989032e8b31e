"""The report of an audience: one page of HTML in Chinese or English, or a table."""
