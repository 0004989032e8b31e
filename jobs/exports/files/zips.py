"""Zip files of identifiers, the same bytes for the same values, so that a repeated upload is the same file."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

# The first time that a zip can name: no time of ours.
NO_TIME = (1980, 1, 1, 0, 0, 0)


def zipped(name: str, content: bytes) -> bytes:
    """A zip with one file."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        # Hashes become no smaller by more work.
        archive.writestr(zipfile.ZipInfo(name, NO_TIME), content, zipfile.ZIP_DEFLATED, compresslevel=1)
    return data.getvalue()


def joined(values: pa.Array, separator: str = "\n") -> bytes:
    """Texts with the separator behind each, joined by Arrow: no Python text per value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lists = pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values.cast(pa.string()))
    text: bytes = pc.binary_join(lists, separator)[0].as_buffer().to_pybytes()
    return text + separator.encode()
