"""What an account on Google says besides."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from jobs.exports.platforms.google.data import ADS_URL
from jobs.exports.tokens import OAuthOptions
from quanyu.config.sections import SecretRef, Url


class GoogleOptions(OAuthOptions):
    """What an account on Google needs besides."""

    login_account: str = Field("", description="number of the manager account by which the token reaches the account")
    ios_app: str = Field("", description="id of the app whose IDFAs are sent")
    android_app: str = Field("", description="id of the app whose advertising ids are sent")
    developer_token: SecretRef = Field("", description="reference to the developer token, for campaign results")
    conversion_action: str = Field("", description="id of the conversion action that receives own conversions")
    event_source: Literal["IN_STORE", "WEB", "APP", "PHONE", "OTHER"] = Field(
        "IN_STORE", description="where the conversions happened"
    )
    ads_url: Url = Field(ADS_URL, description="address of the Google Ads API")
