"""Fields of records in the form that is compared, and their blocking keys."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from jobs.unify.matching import name_match, names
from jobs.unify.matching.block_parts import map_distinct
from jobs.unify.matching.comparison import CROWD_KINDS, FIELDS, PARTS

PASSED = ("person", *(f"{kind}_code" for kind in CROWD_KINDS))
# Default dates of birth in forms.
NO_BIRTHDAYS = frozenset({"19000101", "19700101", "20000101", "19010101", "18991230", "99991231", "11111111"})
_DIGITS = re.compile(r"\d+")
# Suffixes of house and flat numbers, which are no part of a street's name.
_NUMBERED = re.compile(r"(?<=[\da-z])\s*(?:号楼|单元|号|室|栋|幢|楼|层|座|弄)")
_MOBILE = re.compile(r"^(?:\+?86)?(1\d\d)[\d*]{4}(\d{4})$")
_STARS = str.maketrans("＊xXｘＸ•", "******")
_WIDE = str.maketrans("〇零一二三四五六七八九", "00123456789")
_CITY_TAIL = re.compile(r"(省|市|特别行政区|自治区|壮族自治区|回族自治区|维吾尔自治区)$")
Strings = pd.Series


def prepare_fields(raw: pd.DataFrame) -> pd.DataFrame:
    """Convert raw columns (COLUMNS, texts or null) to FIELDS, null where there is nothing to compare."""
    split = _names(raw)
    address = map_distinct(raw["address"], names.words)
    columns = {
        "given": split[0],
        "family": split[1],
        "birthday": map_distinct(raw["birthday"], _birthday),
        "gender": map_distinct(raw["gender"], lambda text: text if text in ("female", "male") else None),
        "city": map_distinct(raw["city"], _place),
        "region": map_distinct(raw["region"], _place),
        "postcode": map_distinct(raw["postcode"], _postcode),
        "district": map_distinct(raw["postcode"], _district),
        "street": map_distinct(address, _street),
        "house": map_distinct(address, _house),
        **{name: raw[name].astype(object) for name in ("email", "phone", "national_id")},
        "phone_mask": map_distinct(raw["phone"].fillna(raw["phone_masked"]), _mask),
    }
    frame = pd.DataFrame(columns, index=raw.index)
    return frame.astype(object).mask(frame.isna(), None)


def _names(raw: pd.DataFrame) -> tuple[Strings, Strings]:
    parts = functools.cache(names.parts)
    split = [parts(*key) for key in name_match.name_columns(raw)]
    given_names, family_names = zip(*split, strict=True) if split else ((), ())
    return pd.Series(given_names, raw.index, dtype=object), pd.Series(family_names, raw.index, dtype=object)


def _birthday(text: str) -> str | None:
    digits = "".join(_DIGITS.findall(text))[:8]
    return digits if len(digits) == 8 and digits not in NO_BIRTHDAYS else None


def _place(text: str) -> str | None:
    town = names.words(text)
    return _CITY_TAIL.sub("", town) or town if town else None


def _postcode(text: str) -> str | None:
    code = "".join(c for c in text.lower() if c.isalnum())
    return code if code and set(code) != {"0"} else None


def _district(text: str) -> str | None:
    """The part of a postcode for the wider area: without the last one or two digits, or the last three characters."""
    code = _postcode(text)
    if code is None or len(code) < 4:
        return None
    return code[: -3 if not code.isdigit() else -1 if len(code) < 5 else -2]


def _mask(text: str) -> str | None:
    """The digits of a Chinese mobile number that masks leave visible: the first three and the last four."""
    match = _MOBILE.match(text.translate(_STARS).replace(" ", ""))
    return f"{match[1]}*{match[2]}" if match else None


def _street(text: str) -> str | None:
    street = " ".join(_DIGITS.sub(" ", _NUMBERED.sub(" ", text)).split())
    return street if len(street) > 1 else None


def _house(text: str) -> str | None:
    return "-".join(_DIGITS.findall(text)) or None


def hashed(texts: Strings, salt: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Hash texts under the salt (16 characters) to integers, 0 for null."""
    values = texts.to_numpy(dtype=object)
    present = texts.notna().to_numpy()
    hashes = np.zeros(len(values), dtype=np.int64)
    if present.any():
        hashes[present] = pd.util.hash_array(values[present], hash_key=salt, categorize=True).view(np.int64)
    return hashes


def keys(fields: pd.DataFrame, blocks: Sequence[Sequence[str]], salt: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Blocking keys (records by blocks), 0 where one of the block's fields is missing."""
    used = {name for on in blocks for name in on}
    hashes = {name: hashed(PARTS[name].derive(fields) if name in PARTS else fields[name], salt) for name in used}
    block_keys = np.zeros((len(fields), len(blocks)), dtype=np.int64)
    for place, on in enumerate(blocks):
        present = np.logical_and.reduce([hashes[name] != 0 for name in on])
        mixed = np.full(len(fields), place, dtype=np.uint64)
        with np.errstate(over="ignore"):
            for name in on:
                mixed = (mixed ^ hashes[name].view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
                mixed ^= mixed >> np.uint64(29)
        block_keys[:, place] = np.where(present, mixed.view(np.int64), 0)
    return block_keys


def batches(stream: Iterator[pa.RecordBatch], blocks: Sequence[Sequence[str]], salt: str) -> Iterator[pa.RecordBatch]:
    """Prepare batches of raw records (COLUMNS, `person`, codes of e-mail and phone): adds FIELDS, `name` and `keys`."""
    for batch in stream:
        raw = batch.to_pandas()
        fields = prepare_fields(raw)
        block_keys = keys(fields, blocks, salt)
        lists = pa.ListArray.from_arrays(
            pa.array(np.arange(len(fields) + 1, dtype=np.int32) * block_keys.shape[1]), pa.array(block_keys.ravel())
        )
        codes = name_match.name_codes(name_match.names_of(raw), salt)
        passed = [batch.column(batch.schema.get_field_index(name)) for name in PASSED]
        texts = [pa.array(fields[name], pa.string()) for name in FIELDS]
        yield pa.RecordBatch.from_arrays(
            [*passed, pa.array(codes), lists, *texts], names=[*PASSED, "name", "keys", *FIELDS]
        )
