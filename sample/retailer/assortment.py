"""The assortment: styles that arrive by season, their sizes, and how popular each is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import pick, rng, uniform
from sample.columns.strings import choose, digits, join
from sample.retailer.people import SIZE_CURVE
from sample.retailer.places import NEVER
from sample.retailer.style_words import MANY, drawn_words
from sample.retailer.words import BEDS, COLOURS, NOUNS, OLD_CODES, SERIES, SHOES, SIZES
from sample.trade import calendar

SHARES = (0.30, 0.16, 0.12, 0.16, 0.14, 0.12)
USUAL_PRICE = (289.0, 309.0, 379.0, 109.0, 299.0, 99.0)
ELASTICITY = (1.9, 1.6, 1.4, 1.1, 2.2, 0.9)
# Seasons on sale on the first day, and eleven years of later ones.
BEFORE, COLLECTIONS = 3, 44
WHOLE_YEAR = 4
# Style words that goods for the home may have: the first ones.
HOME_WORDS = 5
# Of the house's own brand, of its second and its third one, and of a brand that it buys.
BRAND_SHARES = (0.45, 0.25, 0.2, 0.1)


@dataclass
class Assortment:
    """Styles and SKUs in order of launch, so that the SKUs listed on a day are a prefix of all.

    By style: `category` 0..5, `season` 0..4, `list` and `cost` in fen, `launch` and `end` in days from the start,
    `pop` (popularity weight), `brand` index into BRANDS,
    `style_words` bits of STYLE_WORDS. By SKU: `sku_style` and `sku_size` (index into the category's
    sizes), `code`, `size`, `share` of its style's sales. `first` (styles + 1) holds the first SKU index of each style.
    """

    category: Array
    season: Array
    list: Array
    cost: Array
    launch: Array
    end: Array
    pop: Array
    sex: Array
    brand: Array
    style_words: Array
    series: Any
    colour: Any
    name: Any
    style: Any
    first: Array
    sku_style: Array
    sku_size: Array
    share: Array
    code: Any
    size: Any

    def known(self, day: int) -> int:
        """Return how many SKUs the product master lists on a day."""
        return int(np.searchsorted(self.launch[self.sku_style], day, side="right"))

    def live(self, day: int) -> Array:
        """Return the SKU indices (int64) on sale on a day."""
        count = self.known(day)
        return np.flatnonzero(self.end[self.sku_style[:count]] > day)


def draw_assortment(customers: int, start: date, seed: int) -> Assortment:
    """Return the whole-year styles and one collection per season, around 60 styles each."""
    size = 1 + max(0.0, float(np.log10(customers / 3000)))
    parts = [_collection(seed, number, size, start) for number in range(COLLECTIONS + 1)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _sized(columns, seed)


def _collection(seed: int, number: int, size: float, start: date) -> dict[str, Array]:
    """Draw a collection: number 0 is the whole-year range; the others start with their seasons."""
    draw = rng(seed, "collection", number)
    least = np.array([7, 4, 3, 6, 5, 5]) if number == 0 else np.array([2, 2, 1, 1, 1, 1])
    counts = np.round(least * size).astype(int)
    category = np.repeat(np.arange(6), counts)
    count = len(category)
    season, launch = (WHOLE_YEAR, -400) if number == 0 else _start_of_collection(start, number - 1 - BEFORE)
    usual = (
        np.array(USUAL_PRICE)[category]
        * draw.lognormal(0, 0.35, count)
        * np.where((season == 3) & (category < 2), 1.7, 1)
    )
    price = np.maximum(np.round(usual / 10) * 10 - 1, 19).astype(np.int64) * 100
    return {
        "category": category,
        "season": np.full(count, season),
        "list": price,
        "cost": np.round(price * draw.uniform(0.28, 0.45, count), -1).astype(np.int64),
        "launch": np.full(count, launch) + (draw.integers(0, 10, size=count) if number else 0),
        "end": np.full(count, NEVER if number == 0 else launch + 330),
        "pop": draw.lognormal(0, 0.7, count) * np.array(SHARES)[category],
        "series": draw.integers(len(SERIES), size=count),
        "colour": draw.integers(len(COLOURS), size=count),
        "noun": draw.integers(60, size=count),
        "serial": np.arange(count),
        "number": np.full(count, number),
    }


def _start_of_collection(start: date, number: int) -> tuple[int, int]:
    """Return season and first day of the collection that starts `number` seasons after the one on sale at the start."""
    starts = [date(start.year - 1 + year, month, 20) for year in range(COLLECTIONS // 4 + 3) for month in (2, 5, 8, 11)]
    current = max(place for place, day in enumerate(starts) if day <= start)
    place = current + number
    return place % 4, (starts[place] - start).days


def _sized(columns: dict[str, Array], seed: int) -> Assortment:
    order = np.argsort(columns["launch"], kind="stable")
    columns = {name: column[order] for name, column in columns.items()}
    category, serial = columns["category"], np.arange(len(order))
    sex = np.where(category == 1, 1, np.where(category == 0, 0, serial % 2))
    widths = np.array([8, 8, 6, 1, 2, 1])[category]
    first = np.concatenate([[0], np.cumsum(widths)])
    sku_style = np.repeat(serial, widths)
    sku_size = np.arange(first[-1]) - first[sku_style]
    texts = [size for style in serial for size in _sizes(int(category[style]), int(sex[style]))]
    style = join(
        choose([code[0] for code in OLD_CODES], category), digits(columns["number"], 2), digits(columns["serial"], 3)
    )
    nouns = [
        NOUNS[c][s].split()[n % len(NOUNS[c][s].split())]
        for c, s, n in zip(category, columns["season"], columns["noun"], strict=True)
    ]
    series, colour = choose(SERIES, columns["series"]), choose(COLOURS, columns["colour"])
    return Assortment(
        **{name: columns[name] for name in ("category", "season", "list", "cost", "launch", "end", "pop")},
        sex=sex, brand=pick(BRAND_SHARES, uniform(seed, "brand", serial)), series=series,
        style_words=drawn_words(seed, "style's words", serial, np.where(category < 4, MANY, HOME_WORDS)),
        colour=colour, name=join(series, colour, pa.array(nouns)), style=style,
        first=first, sku_style=sku_style, sku_size=sku_size,
        share=_shares(category[sku_style], sex[sku_style], sku_size),
        code=join(style.take(pa.array(sku_style)), digits(sku_size + 1, 2)), size=pa.array(texts),
    )  # fmt: skip


def _sizes(category: int, sex: int) -> tuple[str, ...]:
    return (SIZES, SIZES, SHOES[sex], ("均码",), BEDS, ("均码",))[category]


def _shares(category: Array, sex: Array, size: Array) -> Array:
    curves = np.zeros((6, 2, 8))
    curves[0, :] = SIZE_CURVE[0]
    curves[1, :] = SIZE_CURVE[1]
    curves[2, :, :6] = (0.08, 0.2, 0.28, 0.24, 0.13, 0.07)
    curves[3, :, 0] = curves[5, :, 0] = 1
    curves[4, :, :2] = 0.4, 0.6
    return np.asarray(curves[category, sex, size])


def fits(assortment: Assortment, day: date, ordinal: int) -> Array:
    """Return float64 (styles,): the weight within its category on a day, before prices; 0 when not on sale."""
    on = (assortment.launch <= ordinal) & (assortment.end > ordinal)
    age = np.maximum(ordinal - assortment.launch, 0)
    fresh = np.where(assortment.season == WHOLE_YEAR, 1.0, np.exp(-age / 260) * 1.4)
    return np.asarray(assortment.pop * calendar.fit(day)[assortment.season] * fresh * on)
