"""Google: Customer Match by the Data Manager API, campaign results of Google Ads, and own conversions."""

from jobs.exports.platforms.google.customer_match import Google

__all__ = ["Google"]
