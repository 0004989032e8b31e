"""Generated records of persons from several systems, with errors: `python -m benchmarks.persons DIR`.

Writes DIR/<day>/persons.csv, the first day with everything and each later one with one percent new or changed, and
DIR/truth.parquet: record_no, person, first_day. Two thirds are Chinese. Families share address, family name and often a
phone; some have twins; people move, marry and change numbers. Names and their frequencies come from Faker.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.persons_words import Words, pooled

FIRST = date(2025, 1, 1)
# Share of a day's rows that are new records; the others are changed ones.
NEW = 0.6
Array = np.ndarray[Any, Any]
Text = Array


@dataclass(frozen=True)
class PersonWorld:
    """The population: one row per person, texts as objects; `old_` columns are former values."""

    people: pd.DataFrame
    seed: int


def world(persons: int, seed: int) -> PersonWorld:
    """Draw the population household by household."""
    rng = np.random.default_rng([seed, 1])
    words = pooled(rng)
    sizes = rng.choice([1, 2, 3, 4, 5], p=[0.34, 0.28, 0.2, 0.13, 0.05], size=persons)
    home = np.repeat(np.arange(persons), sizes)[:persons]
    role = np.arange(persons) - np.searchsorted(home, home)
    chinese = (rng.random(persons) < 0.65)[home]
    female = rng.random(persons) < 0.5
    people = pd.DataFrame({"home": home, "chinese": chinese, "gender": np.where(female, "female", "male")})
    head = rng.integers(1950, 1995, persons)[home]
    year = np.where(role < 2, head + rng.integers(-4, 5, persons), head + rng.integers(22, 38, persons))
    born = pd.to_datetime({"year": year, "month": rng.integers(1, 13, persons), "day": rng.integers(1, 29, persons)})
    twin = (role >= 3) & (rng.random(persons) < 0.1)
    people["birthday"] = np.where(twin, born.shift(1, fill_value=born.iloc[0]), born)
    # Chinese spouses keep their names; children have the father's, Western spouses mostly one name.
    keeps = (role == 1) & (chinese | (rng.random(persons) < 0.2))
    family = _named(words.families, words.western_families, chinese, rng)
    people["family"] = np.where(keeps, family, family[np.searchsorted(home, home)])
    people["old_family"] = np.where((role == 1) & ~chinese & (rng.random(persons) < 0.3), family, people["family"])
    people["given"] = np.where(chinese, words.chinese_given(persons, rng), words.western_given(female, rng))
    _add_contacts(people, words, rng)
    return PersonWorld(people, seed)


def _named(chinese: Any, western: Any, is_chinese: Array, rng: np.random.Generator) -> Text:
    return np.where(is_chinese, chinese(len(is_chinese), rng), western(len(is_chinese), rng))


def _add_contacts(people: pd.DataFrame, words: Words, rng: np.random.Generator) -> None:
    """Add addresses to homes, and phones and mail to persons."""
    count, home, chinese = len(people), people["home"].to_numpy(), people["chinese"].to_numpy()
    for prefix in ("", "old_"):
        places = words.places(count, rng)
        for name in ("city", "region", "postcode", "street"):
            people[prefix + name] = places[name].to_numpy()[home * 2 + chinese]
    old, new = words.phones(chinese, rng), words.phones(chinese, rng)
    landline = words.phones(chinese, rng)[np.searchsorted(home, home)]
    people["phone"] = np.where(rng.random(count) < 0.07, landline, new)
    people["old_phone"] = np.where(rng.random(count) < 0.2, old, people["phone"])
    for name, provider in (("email", 0), ("old_email", 1)):
        people[name] = words.mails(people, provider, rng)


def rendered(of: PersonWorld, person: Array, rng: np.random.Generator) -> pd.DataFrame:
    """A record of each person as a source system has it: with values missing, outdated and mistyped."""
    rows = of.people.iloc[person].reset_index(drop=True)
    count = len(rows)

    def at(share: float) -> Array:
        return rng.random(count) < share

    moved, other = at(0.1), at(0.12)
    chinese = rows["chinese"].to_numpy()
    columns = {
        "email": _left_out(np.where(other, rows["old_email"], rows["email"]), at(0.5)),
        "phone": _left_out(np.where(at(0.15), rows["old_phone"], rows["phone"]), at(0.35)),
        "given": rows["given"].to_numpy(object), "family": np.where(at(0.3), rows["old_family"], rows["family"]),
        "gender": _left_out(rows["gender"].to_numpy(object), at(0.3)),
        "birthday": _left_out(_birthdays(rows["birthday"], at), at(0.25)),
        "address": _left_out(_moved(rows, "street", moved), at(0.25)),
        "city": _left_out(_moved(rows, "city", moved), at(0.1)),
        "postcode": _left_out(_moved(rows, "postcode", moved), at(0.3)),
        "region": _left_out(_moved(rows, "region", moved), at(0.5)),
        "country": np.where(chinese, "CN", "US"),
    }  # fmt: skip
    for name, share in (("given", 0.05), ("family", 0.03), ("email", 0.01), ("phone", 0.01), ("address", 0.04)):
        columns[name] = _mistyped(columns[name], at(share), rng)
    short = ~chinese & at(0.06)
    columns["given"] = np.where(short, [text[:1] for text in columns["given"]], columns["given"])
    swapped = at(0.01)
    given_names, family_names = columns["given"], columns["family"]
    columns["given"], columns["family"] = (
        np.where(swapped, family_names, given_names),
        np.where(swapped, given_names, family_names),
    )
    return _columns(columns, chinese | at(0.2), at)


def _columns(fields: dict[str, Text], in_one_column: Array, at: Callable[[float], Array]) -> pd.DataFrame:
    """Split names into one column or two, as systems differ."""
    given_names, family_names = fields.pop("given"), fields.pop("family")
    spaced = [f"{g} {f}" if g.isascii() else f"{f}{g}" for g, f in zip(given_names, family_names, strict=True)]
    without_given = at(0.04)
    columns = {
        "email": fields["email"], "phone": fields["phone"],
        "full_name": np.where(in_one_column & ~without_given, spaced, ""),
        "given_name": np.where(in_one_column | without_given, "", given_names),
        "family_name": np.where(in_one_column, "", family_names),
    }  # fmt: skip
    return pd.DataFrame({**columns, **{name: values for name, values in fields.items() if name not in columns}})


def _moved(rows: pd.DataFrame, name: str, moved: Array) -> Text:
    return np.where(moved, rows["old_" + name], rows[name])


def _left_out(values: Text, missing: Array) -> Text:
    return np.where(missing, "", values)


def _birthdays(born: pd.Series, at: Callable[[float], Array]) -> Text:
    month, day = born.dt.month, born.dt.day
    swapped = at(0.015)
    day_off = at(0.02)
    year = born.dt.year + np.where(at(0.01), 1, 0)
    month, day = month.where(~(swapped & (day <= 12)), day), day.where(~(swapped & (day <= 12)), month)
    day = day.where(~day_off, day % 28 + 1)
    text = year.astype(str) + "-" + month.astype(str).str.zfill(2) + "-" + day.astype(str).str.zfill(2)
    return np.where(at(0.3), text.str.replace("-", ""), text)


def _mistyped(values: Text, where: Array, rng: np.random.Generator) -> Text:
    """Omit, double, swap or change one character."""
    texts = values.astype(object)
    for place in np.flatnonzero(where):
        text = str(texts[place])
        if len(text) > 1:
            at, kind = int(rng.integers(0, len(text) - 1)), int(rng.integers(0, 4))
            changed = chr(ord(text[at]) + 1) if text[at].isalnum() and text[at] not in "zZ9" else text[at]
            middle = ("", text[at] * 2, text[at + 1] + text[at], changed)[kind]
            texts[place] = text[:at] + middle + text[at + (2 if kind == 2 else 1):]  # fmt: skip
    return texts


def days(records: int, increments: int, seed: int = 7) -> tuple[PersonWorld, list[pd.DataFrame], pd.DataFrame]:
    """Generate the first day and the following ones. Returns the world, the rows of each day, and the truth."""
    step = records // 100
    new = int(step * NEW)
    everything = records + new * increments
    persons = int(everything / 2.25)
    of = world(persons, seed)
    rng = np.random.default_rng([seed, 2])
    # Few persons are in many systems, many in one or two.
    taste = rng.gamma(1.2, 1.0, persons)
    person = rng.choice(persons, everything, p=taste / taste.sum())
    first = np.concatenate([np.zeros(records, int), np.repeat(np.arange(1, increments + 1), new)])
    number = np.char.add("r", np.arange(everything).astype(str)).astype(object)
    truth = pd.DataFrame({"record_no": number, "person": person, "first_day": first})
    tables = []
    for day in range(increments + 1):
        fresh = np.flatnonzero(first == day)
        changed = rng.choice(np.flatnonzero(first < day), step - new, replace=False) if day else fresh[:0]
        chosen = np.concatenate([fresh, changed])
        rows = rendered(of, person[chosen], np.random.default_rng([seed, 3, day]))
        rows.insert(0, "record_no", number[chosen])
        tables.append(rows)
    return of, tables, truth


def write(folder: Path, records: int, increments: int = 0, seed: int = 7) -> list[date]:
    """Write the files of all days, and the truth beside them. Returns the days."""
    _, tables, truth = days(records, increments, seed)
    dates = [FIRST + timedelta(days=number) for number in range(increments + 1)]
    for day, rows in zip(dates, tables, strict=True):
        (folder / day.isoformat()).mkdir(parents=True, exist_ok=True)
        rows.to_csv(folder / day.isoformat() / "persons.csv", index=False)
    truth.to_parquet(folder / "truth.parquet")
    return dates


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a folder of days."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--days", type=int, default=0, help="days after the first, each with a hundredth more")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    write(options.folder, options.records, options.days, options.seed)


if __name__ == "__main__":
    main()
