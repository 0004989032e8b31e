"""Lines of Ocean Engine's data source files: base64 of a serialised `DmpData` of protobuf 2.

    message DmpData { repeated IdItem idList = 1; }
    message IdItem { optional uint32 timestamp = 1; required DataType dataType = 2; required string id = 3;
                     repeated string tags = 4; }

Only dataType and id are written. All ids of a batch have the same length or nearly so, and every message is a prefix of
a few bytes before an id, so that Arrow joins them without a Python text per id.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

# Keys of the wire format: number of the field times 8, plus 2 for a length and bytes, 0 for a varint.
ID_LIST, DATA_TYPE, ID = b"\x0a", b"\x10", b"\x1a"


def varint(number: int) -> bytes:
    """A number from 0 in seven bits per byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def dmp_lines(values: pa.Array, data_type: int, per_line: int) -> Iterator[bytes]:
    """A line for at most so many ids (lower case texts), in their order."""
    for first in range(0, len(values), per_line):
        yield base64.b64encode(_message(values.slice(first, per_line), data_type)) + b"\n"


def _message(values: pa.Array, data_type: int) -> bytes:
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = values.cast(pa.binary())
    lengths = pc.binary_length(ids)
    prefixes = {length: _prefix(length, data_type) for length in pc.unique(lengths).to_pylist()}
    order = pa.array(list(prefixes), lengths.type)
    chosen = pa.array(list(prefixes.values()), pa.binary()).take(pc.index_in(lengths, order))
    items = pc.binary_join_element_wise(chosen, ids, b"")
    lists = pa.ListArray.from_arrays(pa.array([0, len(items)], pa.int32()), items)
    joined: bytes = pc.binary_join(lists, pa.scalar(b"", pa.binary()))[0].as_buffer().to_pybytes()
    return joined


def _prefix(length: int, data_type: int) -> bytes:
    """Bytes before an id of so many bytes: the item's own length, its type, and the length of the id."""
    inside = DATA_TYPE + varint(data_type) + ID + varint(length)
    return ID_LIST + varint(len(inside) + length) + inside
