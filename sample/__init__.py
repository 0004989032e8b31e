"""The sample retailer: a seeded Chinese retailer of fashion and home goods, with stores, web shops and a known truth.

It imports nothing of `quanyu`: it writes what a stranger's systems would deliver, so only its feeds describe it.
"""
