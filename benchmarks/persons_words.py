"""Values of generated persons: names with their frequencies (Faker's), places, phones and mail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from faker.providers.address.en_US import Provider as WesternPlaces
from faker.providers.address.zh_CN import Provider as ChinesePlaces
from faker.providers.person.en_US import Provider as Western
from faker.providers.person.zh_CN import Provider as Chinese

Array = np.ndarray[Any, Any]
Draw = Callable[[int, np.random.Generator], Array]
MAILS = ("qq.example", "163.example", "mail.example", "post.example", "126.example", "sina.example")
PREFIXES = (133, 135, 136, 137, 138, 139, 150, 151, 152, 158, 159, 176, 177, 180, 182, 185, 186, 187, 188, 189, 199)
AREAS = (206, 212, 213, 214, 215, 303, 305, 312, 313, 404, 415, 503, 512, 602, 612, 617, 619, 702, 713, 718)
NICKS = ("sunny", "happy", "lucky", "star", "blue", "tiger", "fish", "moon", "cool", "cat")
# Share of Western family names that are rarer than any in Faker.
RARE = 0.45


@dataclass(frozen=True)
class Words:
    """Distributions from which a population is drawn."""

    families: Draw
    western_families: Draw
    chinese_given: Draw
    given: dict[str, Draw]
    cities: pd.DataFrame

    def western_given(self, female: Array, rng: np.random.Generator) -> Array:
        """Draw a given name for each, by sex."""
        return np.where(female, self.given["female"](len(female), rng), self.given["male"](len(female), rng))

    def places(self, count: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw two places for each home, a Western and a Chinese one, in turn: city, region, postcode, street."""
        chinese = np.tile([False, True], count)
        towns = {True: self.cities[self.cities["chinese"]], False: self.cities[~self.cities["chinese"]]}
        share = {key: 1 / np.arange(1, len(rows) + 1) ** 0.8 for key, rows in towns.items()}
        drawn = np.zeros(2 * count, int)
        for key, rows in towns.items():
            mask = chinese == key
            drawn[mask] = rows.index.to_numpy()[rng.choice(len(rows), mask.sum(), p=share[key] / share[key].sum())]
        places = self.cities.iloc[drawn].reset_index(drop=True)
        area = rng.integers(0, 40, 2 * count)
        places["postcode"] = [f"{base + spot:0{5 + is_cn}d}" for base, spot, is_cn in zip(
            places["base"], area, chinese, strict=True)]  # fmt: skip
        places["street"] = _streets(chinese, area, rng)
        return places

    def phones(self, chinese: Array, rng: np.random.Generator) -> Array:
        """Draw mobile numbers as people write them."""
        count = len(chinese)
        own = rng.choice(PREFIXES, count) * 10**8 + rng.integers(0, 10**8, count)
        western = rng.choice(AREAS, count) * 10**7 + rng.integers(2_000_000, 9_999_999, count)
        return np.where(chinese, own.astype(str), np.char.add("+1", western.astype(str))).astype(object)

    def mails(self, people: pd.DataFrame, provider: int, rng: np.random.Generator) -> Array:
        """Draw an address for each person: from the name and a year, or from a nickname and a number."""
        from pypinyin import lazy_pinyin

        latin = {text: "".join(lazy_pinyin(text)) for name in ("family", "given") for text in people[name].unique()}
        family_names, given_names = ([latin[text].lower() for text in people[name]] for name in ("family", "given"))
        number, nick = rng.integers(0, 10**5, len(people)), rng.integers(0, len(NICKS), len(people))
        named, domain = rng.random(len(people)) < 0.6, rng.integers(0, len(MAILS), len(people))
        return np.array([
            f"{f}.{g}{n % 100}@{MAILS[d]}" if is_named else f"{NICKS[k]}{n}{provider}@{MAILS[d]}"
            for f, g, n, k, d, is_named in zip(family_names, given_names, number, nick, domain, named, strict=True)
        ], object)  # fmt: skip


def _streets(chinese: Array, area: Array, rng: np.random.Generator) -> Array:
    """Write streets with their houses and flats."""
    count = len(chinese)
    name, suffix = rng.integers(0, 1500, count), rng.integers(0, 8, count)
    house, flat = rng.integers(1, 400, count), rng.integers(101, 2502, count)
    roads = [f"{a}{b}" for a in "中人民建解新和文兴长东西南北江湖山华金" for b in "山设放华平化业安园滨海城泰康"]
    ways = ("路", "街", "大道", "巷", "路", "街", "路", "路")
    kinds = list(WesternPlaces.street_suffixes[:40:5])
    names = tuple(Western.last_names)
    return np.array([
        f"{roads[n % len(roads)]}{ways[s]}{h}号{f}室" if is_cn else f"{h} {names[n % 1000]} {kinds[s]}"
        for is_cn, n, s, h, f in zip(chinese, name, suffix, house, flat, strict=True)
    ], object)  # fmt: skip


def _weighed(pool: Any) -> Draw:
    """Draw by Faker's frequencies: a mapping with weights, or a plain list, commonest first."""
    values = np.array(list(pool), object)
    share = np.array(list(pool.values())) if hasattr(pool, "values") else 1 / np.arange(1, len(values) + 1) ** 0.6
    return lambda count, rng: values[rng.choice(len(values), count, p=share / share.sum())]


def pooled(rng: np.random.Generator) -> Words:
    """Build the distributions."""
    characters = "".join(dict.fromkeys("".join([*Chinese.first_names_male, *Chinese.first_names_female])))
    one = _weighed(list(characters))

    def chinese_given(count: int, rng: np.random.Generator) -> Array:
        return np.where(rng.random(count) < 0.2, "", one(count, rng)) + one(count, rng)

    listed, parts = _weighed(Western.last_names), tuple(Western.last_names)

    def western_families(count: int, rng: np.random.Generator) -> Array:
        front, end = rng.integers(0, len(parts), count), rng.integers(0, len(parts), count)
        rare = [f"{parts[a][:4]}{parts[b][-4:]}" for a, b in zip(front, end, strict=True)]
        return np.where(rng.random(count) < RARE, rare, listed(count, rng))

    given_draws = {"female": _weighed(Western.first_names_female), "male": _weighed(Western.first_names_male)}
    return Words(_weighed(Chinese.last_names), western_families, chinese_given, given_draws, _cities(rng))


def _cities(rng: np.random.Generator) -> pd.DataFrame:
    chinese = list(dict.fromkeys(ChinesePlaces.cities))
    western = [f"{name}{end}" for name in list(Western.last_names)[:150] for end in ("ton", "ville")]
    base = np.concatenate([
        rng.permutation(8000)[: len(chinese)] * 100 + 100_000, rng.permutation(800)[: len(western)] * 100 + 10_000
    ])  # fmt: skip
    regions = [*rng.choice(ChinesePlaces.provinces, len(chinese)), *rng.choice(WesternPlaces.states_abbr, len(western))]
    is_chinese = np.arange(len(chinese) + len(western)) < len(chinese)
    return pd.DataFrame({"city": chinese + western, "region": regions, "base": base, "chinese": is_chinese})
