"""Warnings about audiences: of their size, of what they have become, and of those that were not evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from quanyu.config.sections import InsightSettings
from quanyu.grammar.audience import Audience, SizeBand
from quanyu.model.entities import Customer

MOST_NAMES = 3
# What is said of each kind of warning, in English and Chinese.
WORDS = {
    "nobody": (
        "{audience} matches none of {entities:,}: is its rule what you mean?",
        "{audience} 在全部 {entities:,} 个对象中没有命中任何一个：请检查规则",
    ),
    "nearly_all": (
        "{audience} holds {size:,} of {entities:,}: its rule tells nobody apart",
        "{audience} 命中了 {entities:,} 个对象中的 {size:,} 个：规则几乎没有区分度",
    ),
    "changed": (
        "{audience} went from {before:,} to {size:,} members, a change of more than {allowed:.0%}",
        "{audience} 的规模从 {before:,} 变为 {size:,}，变化超过 {allowed:.0%}",
    ),
    "small": (
        "{audience} has {size:,} members, fewer than the {least:,} of its band",
        "{audience} 有 {size:,} 名成员，少于设定的下限 {least:,}",
    ),
    "large": (
        "{audience} has {size:,} members, more than the {most:,} of its band",
        "{audience} 有 {size:,} 名成员，多于设定的上限 {most:,}",
    ),
    "drift": (
        "the members of {audience} are others than on its reference day, by {names} (PSI up to {drift:.2f})",
        "{audience} 的成员构成与基准日相比已发生漂移，主要体现在 {names}（PSI 最高 {drift:.2f}）",
    ),
    "stale": (
        "{audience} was not evaluated since {last}: its members are those of that day",
        "{audience} 自 {last} 以来没有重新计算，成员仍是那一天的",
    ),
}
LANGUAGES = ("en", "zh")
# Days on which an audience is not evaluated because of its schedule, at most.
BETWEEN = {"daily": 0, "weekly": 6, "monthly": 30}


@dataclass(frozen=True)
class AudienceWarning:
    """A warning: the audience, its kind, which is one of WORDS, and what the words name."""

    audience: str
    kind: str
    values: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Key of the alert, which stays the same as long as the problem lasts."""
        return f"{self.kind} {self.audience}"

    def words(self, language: str = "en") -> str:
        """The warning as a sentence."""
        return WORDS[self.kind][LANGUAGES.index(language)].format(audience=self.audience, **self.values)


def warnings(
    audience: Audience, today: Mapping[str, Any], before: int | None, last: date | None, settings: InsightSettings
) -> Iterator[AudienceWarning]:
    """Warnings of a row of AudienceTrends; `before` is the size on the day before, None on the first day.

    `last` is the day to which the audience was evaluated.
    """
    size, entities = today["size"], today["entities"] or 0
    counted = {"size": size, "entities": entities}
    # Of stores to help or outlets to refill, none is good news.
    if entities and not size and audience.ended is None and audience.entity == Customer.name:
        yield AudienceWarning(audience.name, "nobody", counted)
    elif entities and size >= settings.nearly_all * entities:
        yield AudienceWarning(audience.name, "nearly_all", counted)
    yield from _of_size(audience, counted, before, settings)
    if today["drifted"] and not is_young(today):
        names = ", ".join(today["drifted"][:MOST_NAMES])
        yield AudienceWarning(audience.name, "drift", {"names": names, "drift": today["drift"]})
    if last is not None and (today["day"] - last).days >= settings.stale_days + BETWEEN[audience.schedule]:
        yield AudienceWarning(audience.name, "stale", {"last": last})


def is_young(today: Mapping[str, Any]) -> bool:
    """Whether drift is not warned of yet, by a row of AudienceTrends; one of an older release does not say."""
    first = today.get("warned_from")
    return first is not None and today["day"] < first


def _of_size(
    audience: Audience, counted: Mapping[str, Any], before: int | None, settings: InsightSettings
) -> Iterator[AudienceWarning]:
    """Warnings of a size outside of the audience's band; the setting stands in for a band that allows any change."""
    size, band = counted["size"], audience.size or SizeBand(change=settings.size_change)
    allowed = settings.size_change if band.change is None else band.change
    if band.least is not None and size < band.least:
        yield AudienceWarning(audience.name, "small", {**counted, "least": band.least})
    if band.most is not None and size > band.most:
        yield AudienceWarning(audience.name, "large", {**counted, "most": band.most})
    if before and abs(size - before) > allowed * before:
        yield AudienceWarning(audience.name, "changed", {**counted, "before": before, "allowed": allowed})
