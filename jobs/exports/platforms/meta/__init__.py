"""Meta: custom audiences of Facebook and Instagram, their lookalikes, campaign results, and own conversions."""

from jobs.exports.platforms.meta.custom_audiences import Meta

__all__ = ["Meta"]
