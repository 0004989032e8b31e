"""Who the customers are: drawn once from the seed, so that every day can be computed by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample.words import CATEGORIES, CITIES, GIVEN, MAILS, NICKS, SURNAMES

# Half of the people knew the house before the first day; the others come within this many days of it.
BEFORE, AFTER = 540, 500
MEMBER_SHARE = 0.78
CHANGES = ("ads_consent", "message_consent", "phone", "city")


@dataclass(frozen=True)
class Change:
    """What a member tells anew: days after the opening, the field, and its new value."""

    day: int
    field: str
    value: str


@dataclass(frozen=True)
class Person:
    """One human being, and what only the truth knows of them. Days count from the opening."""

    number: int
    name: str
    gender: str
    birthday: str
    city: str
    phone: str
    email: str
    nick: str
    ads_consent: str
    message_consent: str
    joined: int
    left: int
    rate: float
    hunter: bool
    online: float
    purse: float
    taste: tuple[float, ...]
    store: int
    member_nos: tuple[tuple[str, int], ...]
    phone_style: int
    changes: tuple[Change, ...]
    family: int | None

    @property
    def phones(self) -> tuple[str, ...]:
        """Every number that is theirs at some time."""
        return (self.phone, *(change.value for change in self.changes if change.field == "phone"))

    def now(self, field: str, day: int) -> str:
        """Return what they last told of a field, at the end of a day."""
        told = [change.value for change in self.changes if change.field == field and change.day <= day]
        return told[-1] if told else str(getattr(self, field))


def draw_people(customers: int, seed: int) -> list[Person]:
    """Return the population: members, and buyers who never became one."""
    rng = np.random.default_rng([seed, 2])
    people: list[Person] = []
    for number in range(customers):
        relative = people[int(rng.integers(number))] if number and rng.random() < 0.012 else None
        people.append(_person(rng, number, relative))
    return people


def _person(rng: np.random.Generator, number: int, relative: Person | None) -> Person:
    joined = int(rng.integers(-BEFORE, 0)) if rng.random() < 0.5 else int(rng.integers(0, AFTER))
    member = rng.random() < MEMBER_SHARE
    return Person(
        number=number,
        name=_pick(rng, SURNAMES) + "".join(_pick(rng, GIVEN) for _ in range(1 + int(rng.random() < 0.7))),
        gender=str(rng.choice(["女", "男", "未知"], p=[0.62, 0.28, 0.10])),
        birthday=_birthday(rng),
        city=str(rng.choice(CITIES, p=[0.25, 0.18, 0.12, 0.12, 0.08, 0.05, 0.05, 0.05, 0.05, 0.05])),
        phone=relative.phone if relative else _phone(rng),
        email=f"u{int(rng.integers(10**6, 10**7))}{number}@{_pick(rng, MAILS)}" if rng.random() < 0.75 else "",
        nick=_pick(rng, NICKS) + str(int(rng.integers(10, 9999))),
        ads_consent=_consent(rng),
        message_consent=_consent(rng),
        joined=joined,
        left=joined + int(rng.exponential(900)) + 1,
        rate=float(rng.gamma(0.8, 1 / 30)),
        hunter=bool(rng.random() < 0.3),
        online=float(
            rng.choice([0.0, 1.0, rng.uniform(0.2, 0.8)], p=[0.3, 0.22, 0.48]) if member else rng.choice([1, 0.7])
        ),
        purse=float(rng.lognormal(0, 1.0)),
        taste=tuple(float(share) for share in rng.dirichlet([0.5] * len(CATEGORIES))),
        store=int(rng.choice(4, p=[0.4, 0.27, 0.2, 0.13])),
        member_nos=_member_nos(rng, number, joined) if member else (),
        phone_style=int(rng.choice(4, p=[0.82, 0.08, 0.06, 0.04])),
        changes=tuple(sorted(_changes(rng, joined), key=lambda change: change.day)) if member else (),
        family=relative.number if relative else None,
    )


def _pick(rng: np.random.Generator, choices: str | tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _phone(rng: np.random.Generator) -> str:
    prefix = _pick(rng, ("136", "138", "139", "150", "158", "159", "177", "186", "187", "189"))
    return f"{prefix}{int(rng.integers(10_000_000, 99_999_999))}"


def _birthday(rng: np.random.Generator) -> str:
    chance = rng.random()
    year, month, day = int(rng.normal(1990, 9)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    if chance < 0.18:
        return ""
    return "1900-01-01" if chance < 0.20 else f"{min(max(year, 1945), 2006)}-{month:02d}-{day:02d}"


def _consent(rng: np.random.Generator) -> str:
    return str(rng.choice(["Y", "N", ""], p=[0.58, 0.14, 0.28]))


def _member_nos(rng: np.random.Generator, number: int, joined: int) -> tuple[tuple[str, int], ...]:
    first = (f"M{100_000 + number * 3}", joined)
    again = (f"M{100_001 + number * 3}", joined + int(rng.integers(60, 400)))
    return (first, again) if rng.random() < 0.03 else (first,)


def _changes(rng: np.random.Generator, joined: int) -> list[Change]:
    changes = []
    for _ in range(int(rng.poisson(0.3))):
        field = str(rng.choice(CHANGES, p=[0.3, 0.3, 0.2, 0.2]))
        values = {"phone": _phone(rng), "city": _pick(rng, CITIES)}
        value = values.get(field, str(rng.choice(["Y", "N"], p=[0.35, 0.65])))
        changes.append(Change(joined + int(rng.integers(1, 700)), field, value))
    return changes
