"""Account: where audiences are sent, with which of our identifiers, and under which limits of our own."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from quanyu.config.sections import SecretRef, Url
from quanyu.grammar.bounds import MOST
from quanyu.grammar.declaration import Share, YamlDeclaration


class Account(YamlDeclaration):
    """One account on an advertising platform; audiences name it under `send_to`."""

    kind: ClassVar[str] = "account"

    platform: str = Field(description="name of the platform's file, such as `meta`")
    account: str = Field(description="the account's own number on the platform")
    token: SecretRef = Field("", description="reference to the token that its interface asks for")
    url: Url | None = Field(None, description="address of the interface, if not the platform's own")
    send: tuple[str, ...] = Field(
        (),
        description="identifiers that are sent, such as `phone` or `device:idfa`; all that the platform takes if none",
    )
    scopes: dict[str, str] = Field(
        {}, description="per identifier that is unique within a scope only, such as `openid`: the scope that is sent"
    )
    expected_match: Share = Field(
        0.5, gt=0, description="share of those sent that the platform is expected to know, for its least size"
    )
    least: int | None = Field(
        None, ge=0, le=MOST, description="least members after matching, if not what the platform's file says"
    )
    forbidden: tuple[str, ...] = Field(
        (), description="what no audience may use that is sent there, directly or by tags: names such as"
        " `background.income`, or whole views and scenes, such as the platform's rules on sensitive data forbid",
    )  # fmt: skip
    results: bool = Field(False, description="whether campaign results are fetched from its interface every day")
    campaigns: dict[str, str] = Field(
        {}, description="our audience of a campaign, by the campaign's id on the platform, which seldom tells it"
    )
    conversions: bool = Field(
        False, description="whether purchases of customers who consent to ads are reported to its interface"
    )
    options: dict[str, Any] = Field({}, description="what this platform needs besides; its file lists the keys")
