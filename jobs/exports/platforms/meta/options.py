"""What an account on Meta says besides."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quanyu.grammar.bounds import StrictModel


class MetaLookalike(StrictModel):
    """Persons like those of each audience, whom Meta finds in a country."""

    country: str = Field(description="two letters of the country", pattern=r"^[A-Z]{2}$")
    ratio: float = Field(0.01, ge=0.01, le=0.2, description="share of the country's persons")


class MetaOptions(StrictModel):
    """What an account on Meta needs besides."""

    lookalike: MetaLookalike | None = Field(None, description="lookalike that is created of each audience")
    value_based: bool = Field(False, description="whether audiences carry values by which Meta ranks their members")
    dataset: str = Field("", description="id of the dataset that receives own conversions")
    action_source: Literal["physical_store", "website", "app", "system_generated", "other"] = Field(
        "physical_store", description="where the conversions happened"
    )
    conversion: str = Field("omni_purchase", description="type of action that counts as a conversion in results")
