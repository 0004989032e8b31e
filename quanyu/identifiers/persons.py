"""The person of a row: its identifiers normalised, why some are refused, and its person_key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import pandas as pd

from quanyu.identifiers.normalise import address_hash, keyed_hash, normalise
from quanyu.identifiers.placeholders import CROWDED, reason


def send_code_to_workers() -> None:
    """Send the code that runs on workers there by value: they need not have our packages."""
    import sys

    from pyspark import cloudpickle

    for function in (reason, normalise, person_key_function):
        cloudpickle.register_pickle_by_value(sys.modules[function.__module__])  # type: ignore[no-untyped-call]


def person_key_function(
    source: str, kinds: Sequence[tuple[str, str]], region: str, key: bytes, addresses: bool = False,
    crowded: Collection[str] = (),
) -> Callable[..., pd.DataFrame]:  # fmt: skip
    """Build the function that turns raw identifier columns, strongest first, into person_key and normalised ones.

    It returns person_key, id0, no0, id1, no1, …: each value, or why it is refused. `crowded` are keys of values that
    many people share. With `addresses`, it returns hash0, hash1, … too: address_hash of each.
    """
    names_many = frozenset(crowded)

    def identify(*columns: pd.Series) -> pd.DataFrame:
        index = columns[0].index
        named = pd.DataFrame({"person_key": pd.Series([None] * len(index), index, dtype=object)})
        for position, ((kind, scope), column) in enumerate(zip(kinds, columns, strict=True)):
            values = {raw: normalise(kind, raw, region) for raw in column.dropna().unique()}
            reasons = {raw: reason(raw) for raw, value in values.items() if value is None}
            keys = {raw: keyed_hash(key, source, kind, scope, value) for raw, value in values.items() if value}
            for raw in [raw for raw, one in keys.items() if one in names_many]:
                reasons[raw] = CROWDED
                del values[raw], keys[raw]
            named[f"id{position}"], named[f"no{position}"] = _looked_up(column, values), _looked_up(column, reasons)
            if addresses:
                hashes = {raw: address_hash(key, kind, value) for raw, value in values.items() if value}
                named[f"hash{position}"] = _looked_up(column, hashes)
            named["person_key"] = named["person_key"].where(named["person_key"].notna(), _looked_up(column, keys))
        plain: pd.DataFrame = named.astype(object).mask(named.isna(), None)
        return plain

    return identify


def _looked_up(column: pd.Series, values: dict[str, str | None] | dict[str, str]) -> pd.Series:
    return column.map(values).astype(object)


def person_key_type(count: int, addresses: bool) -> str:
    """Columns of the function's result for so many identifiers, as a struct type of the engine."""
    each = ("id{n} string, no{n} string, hash{n} string" if addresses else "id{n} string, no{n} string").format
    return ", ".join(["person_key string", *(each(n=n) for n in range(count))])


def address_hashes(key: bytes) -> Callable[[pd.Series, pd.Series], pd.Series]:
    """Build the function that turns columns of kinds and values into address hashes."""

    def hashed(kinds: pd.Series, values: pd.Series) -> pd.Series:
        names = [address_hash(key, kind, value) for kind, value in zip(kinds, values, strict=True)]
        return pd.Series(names, index=kinds.index, dtype=object)

    return hashed
