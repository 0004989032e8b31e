"""The sample retailer: a seeded Chinese house of fashion and home, with stores, a web shop and a known truth.

It imports nothing of ours: what it lands is what a stranger's systems would, and only the feeds tell about it.
"""
