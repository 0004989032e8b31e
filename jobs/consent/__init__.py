"""Consent: decides who may be contacted, at which address, for which purpose and channel, and why not."""
