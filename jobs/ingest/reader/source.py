"""Fetches and unpacks landed files, and refuses those whose content does not match their name or format."""

from __future__ import annotations

import codecs
import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from jobs.ingest.reader.spec import BadFileError, ReadSpec

CHUNK = 1 << 20
# A line is read whole.
LONGEST_LINE = 64 << 20
# Unpacked size that is always allowed: a few rows of blanks have a high compression ratio too.
ALWAYS_UNPACKED = 64 << 20
# Number of non-ASCII bytes that prove UTF-8: six Chinese characters in GB18030 are valid UTF-8 once in 100,000 times.
BEYOND_CHANCE = 12
ASCII = bytes(range(128))
ARCHIVES = {".gz": "gzip", ".gzip": "gzip", ".bz2": "bz2", ".zst": "zstd", ".zstd": "zstd"}
ARCHIVE_STARTS = {
    "gzip": re.compile(rb"\x1f\x8b\x08"),
    "bz2": re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
}
FOREIGN = (
    (rb"PK(\x03\x04|\x05\x06|\x07\x08)", "a zip archive or an Excel workbook (.xlsx)"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)"),
    (rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml|table|head|body|meta|style|div)", "an HTML or XML page"),
    (rb"%PDF-", "a PDF"),
    (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|\xfd7zXZ\x00", "an archive of a kind that is not read"),
    (rb"\x1f\x8b\x08|\x28\xb5\x2f\xfd|BZh[1-9]1AY&SY", "packed twice"),
)
WIDE = ("utf-16", "utf-32", "utf_16", "utf_32")


def is_wide(encoding: str) -> bool:
    """Whether the encoding has more than one byte per ASCII character, so that lines cannot be split by bytes."""
    return codecs.lookup(encoding).name.startswith(WIDE)


def local_copy(path: str, folder: Callable[[], Path], spec: ReadSpec) -> Path:
    """Return a local, unpacked copy of the file, or the file itself; copies are written to a new `folder()`.

    The whole file is fetched first, so that a later failure is due to the file and not to the network.
    """
    local = _local(path, folder)
    packing = _packing(local, path)
    return _unpacked(local, folder() / "unpacked", packing, spec) if packing else local


def _local(path: str, folder: Callable[[], Path]) -> Path:
    remote = "://" in path
    system, inner = fs.FileSystem.from_uri(path) if remote else (fs.LocalFileSystem(), path)
    kind = system.get_file_info(inner).type
    if kind == fs.FileType.NotFound:
        raise FileNotFoundError(f"{path} is not there (any more)")
    if kind == fs.FileType.Directory:
        raise BadFileError("it is a directory, not a file")
    if isinstance(system, fs.LocalFileSystem):
        return Path(inner)
    target = folder() / "fetched"
    with system.open_input_stream(inner, compression=None) as stream, target.open("wb") as out:
        shutil.copyfileobj(stream, out, CHUNK)
    return target


def is_as_listed(path: str, size: int, mtime_ns: int) -> bool:
    """Whether a local file still has the size and mtime that it was listed with."""
    try:
        stat = Path(path).stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (size, mtime_ns)


def _packing(local: Path, path: str) -> str | None:
    head = _head(local)
    named = next((kind for suffix, kind in ARCHIVES.items() if path.lower().endswith(suffix)), None)
    for kind, start in ARCHIVE_STARTS.items():
        if start.match(head):
            return kind
    if named:
        raise BadFileError(f"it is named as a {named} archive but is none: send it packed, or under another name")
    return None


def _unpacked(local: Path, target: Path, packing: str, spec: ReadSpec) -> Path:
    most = min(spec.unpacked_bytes, max(ALWAYS_UNPACKED, int(local.stat().st_size * spec.unpacked_times)))
    try:
        with pa.OSFile(str(local)) as file, pa.CompressedInputStream(file, packing) as stream, target.open("wb") as out:
            while chunk := stream.read(CHUNK):
                out.write(chunk)
                refuse_large(out.tell(), most)
    except OSError as error:
        # Arrow reports bad data as an OSError without errno; a full disk has one.
        if error.errno is not None:
            raise
        raise BadFileError(f"the {packing} archive is truncated or corrupt: send it again") from error
    return target


def refuse_large(size: int, most: int) -> None:
    """Refuse a file whose unpacked size exceeds the limits of its source."""
    if size > most:
        words = "unpacked it has more than"
        raise BadFileError(f"{words} {most >> 20} MB, which unpacked_mb and unpacked_times of `reads` allow")


def _head(local: Path) -> bytes:
    with local.open("rb") as file:
        return file.read(4096)


def refuse_foreign(local: Path, spec: ReadSpec) -> None:
    """Refuse content that is clearly of another format: web pages, workbooks, archives, parquet, UTF-16."""
    head = _head(local)
    for start, words in FOREIGN:
        if re.match(start, head, re.IGNORECASE):
            raise BadFileError(f"it is not {spec.format} but {words}")
    if spec.format == "parquet":
        return
    if head.startswith(b"PAR1"):
        raise BadFileError(f"it is not {spec.format} but a parquet file")
    if not is_wide(spec.encoding):
        _refuse_other_text(local, head, spec)


def _refuse_other_text(local: Path, head: bytes, spec: ReadSpec) -> None:
    encoding, since = spec.encoding, 0
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BadFileError(f"it begins as UTF-16, and the source declares {encoding}")
    if not codecs.lookup(encoding).name.startswith("utf-8") and (head.startswith(codecs.BOM_UTF8) or _is_utf8(local)):
        raise BadFileError(f"it is UTF-8, and the source declares {encoding}")
    with local.open("rb") as file:
        while chunk := file.read(CHUNK):
            if b"\0" in chunk:
                raise BadFileError(f"it holds NUL bytes, which {encoding} text never does: is it UTF-16, or binary?")
            last = chunk.rfind(b"\n")
            since = since + len(chunk) if last < 0 else len(chunk) - last
            if since > LONGEST_LINE and spec.format != "json":
                raise BadFileError(f"it has a line of more than {LONGEST_LINE >> 20} MB")


def _is_utf8(local: Path) -> bool:
    """Whether a text is UTF-8 and not just by chance: it might decode as GB18030 too, into other characters."""
    decoder, beyond = codecs.getincrementaldecoder("utf-8")(), 0
    with local.open("rb") as file:
        try:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
                beyond += 0 if chunk.isascii() else len(chunk.translate(None, ASCII))
            decoder.decode(b"", final=True)
        except UnicodeError:
            return False
    return beyond >= BEYOND_CHANCE


def text_lines(local: Path, encoding: str) -> Iterator[tuple[str, str | None]]:
    r"""Yield lines with their line ends, and the problem of a line that does not decode, which has bytes as \xNN."""
    if is_wide(encoding):
        yield from ((line.removeprefix("\ufeff"), None) for line in _wide_lines(local, encoding))
        return
    first = True
    with local.open("rb") as file:
        while raw_lines := file.readlines(CHUNK):
            for text, problem in _decoded(raw_lines, encoding):
                yield (text.removeprefix("\ufeff") if first else text), problem
                first = False


def _decoded(raw_lines: list[bytes], encoding: str) -> Iterator[tuple[str, str | None]]:
    """Decode many lines at once; one by one only if some line does not decode."""
    decode = codecs.lookup(encoding).decode
    try:
        text = decode(b"".join(raw_lines), "strict")[0]
    except UnicodeError:
        yield from (_decoded_line(raw, encoding, decode) for raw in raw_lines)
        return
    # Not str.splitlines, which also splits at characters that may be inside of JSON and CSV values.
    *lines, rest = text.split("\n")
    yield from ((f"{line}\n", None) for line in lines)
    if rest:
        yield rest, None


def _decoded_line(raw: bytes, encoding: str, decode: Any) -> tuple[str, str | None]:
    try:
        return decode(raw, "strict")[0], None
    except UnicodeError as error:
        return _escaped(raw, decode), _undecodable(raw, encoding, error)


def _wide_lines(local: Path, encoding: str) -> Iterator[str]:
    with io.open(local, encoding=encoding, newline="\n") as file:  # noqa: UP020
        try:
            yield from file
        except UnicodeError as error:
            raise BadFileError(f"it does not decode as {encoding}") from error


def _escaped(raw: bytes, decode: Any) -> str:
    return str(decode(raw, "backslashreplace")[0])


def _undecodable(raw: bytes, encoding: str, error: UnicodeError) -> str:
    start = getattr(error, "start", 0)
    fits = next((other for other in ("utf-8", "gb18030") if other != encoding and _decodes(raw, other)), None)
    hint = f", but does as {fits}" if fits else ""
    return f"does not decode as {encoding} (byte 0x{raw[start]:02x} at position {start + 1}){hint}"


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        return bool(raw.decode(encoding))
    except UnicodeError:
        return False
