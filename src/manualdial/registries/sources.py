"""Pieces of the text of a source, unpacked as they are read. Archives are told by their content, not by their name."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from manualdial.plain_text import printable
from manualdial.registries.lines import LONGEST_LINE, last_area_code

_GIB = 1 << 30
_MIB = 1 << 20
_HEAD = 8192
_BOM = b"\xef\xbb\xbf"
_TAR_MARK = slice(257, 262)
_ENCRYPTED = 0x1
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OTHER_PACKED = (b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c", b"\x28\xb5\x2f\xfd", b"Rar!\x1a\x07", b"\x1f\x9d")
_PACKED = (_GZIP, *_ZIP, *_OTHER_PACKED)
_LIST_TYPE = re.compile(rb"<list\s[^>]*?type\s*=\s*['\"](\w+)['\"]", re.IGNORECASE)


class SourceUnreadable(Exception):
    """A source cannot be read to its end, or must not be. The text names the file and says what is wrong."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one source may unpack to: what an archive says about itself is not believed."""

    unpacked: int = 32 * _GIB
    """In bytes."""
    ratio: int = 100
    """Times the packed size. Sorted numbers pack about 1:20, XML of them 1:50."""
    ratio_from: int = 64 * _MIB
    """Below this size the ratio is not asked."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Text that ends where a line, or a tag, ends."""

    text: bytes
    is_xml: bool
    area_code: bytes
    """In XML: the one that is in force at the beginning."""
    heading: bool
    """Whether it begins a file."""
    consumed: int
    """Bytes of the source that are read so far, packed as they are."""


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def pieces(path: Path, *, size: int, limits: Limits) -> Iterator[Piece]:
    """The text of a source, in pieces of about `size` bytes. Raises SourceUnreadable."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(0)
            if head in _ZIP:
                yield from _zip_members(file, path, size, limits)
            elif head.startswith(_GZIP):
                bounded = _Bounded(gzip.GzipFile(fileobj=file), path, limits)
                yield from _cut(bounded, path.name, size, file.tell)
            else:
                yield from _cut(file, path.name, size, file.tell)
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error) as error:
        raise SourceUnreadable(f"{path.name} is a damaged archive: {error}") from error
    except EOFError as error:
        raise SourceUnreadable(f"{path.name} is cut short: the end of the archive is missing") from error
    except OSError as error:
        raise SourceUnreadable(f"{path.name} cannot be read: {error.strerror or error}") from error


class _Bounded:
    """Unpacked bytes, counted: no more than the limits are ever read."""

    def __init__(self, stream: _Stream, path: Path, limits: Limits, *, before: int = 0) -> None:
        self._stream = stream
        self._name = path.name
        self._limits = limits
        self._most = min(limits.unpacked, max(limits.ratio_from, limits.ratio * path.stat().st_size))
        self.unpacked = before

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(min(size, self._most - self.unpacked + 1))
        self.unpacked += len(data)
        if self.unpacked > self._most:
            raise SourceUnreadable(
                f"{self._name} unpacks to more than {self._most:,} bytes, "
                f"{self._limits.ratio} times its size: it is not taken for a list"
            )
        return data


def _zip_members(file: BinaryIO, path: Path, size: int, limits: Limits) -> Iterator[Piece]:
    with zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        for member in members:
            _refuse_member(member, path)
        packed = unpacked = 0
        for member in members:
            with archive.open(member) as stream:
                bounded = _Bounded(stream, path, limits, before=unpacked)
                began, share = packed, member.compress_size / max(member.file_size, 1)
                before = unpacked

                def consumed(
                    bounded: _Bounded = bounded, began: int = began, before: int = before, share: float = share
                ) -> int:
                    return began + int((bounded.unpacked - before) * share)

                yield from _cut(bounded, f"{path.name}, {printable(member.filename)}", size, consumed)
            packed += member.compress_size
            unpacked = bounded.unpacked


def _refuse_member(member: zipfile.ZipInfo, path: Path) -> None:
    if member.flag_bits & _ENCRYPTED:
        raise SourceUnreadable(f"{path.name} is encrypted: unpack it with its password first")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SourceUnreadable(f"{path.name} is packed in a way that is not read here: pack it with plain deflate")
    if member.filename == "[Content_Types].xml":
        raise SourceUnreadable(f"{path.name} is a document of an office program: save its table as CSV")


def _cut(stream: _Stream, name: str, size: int, consumed: Callable[[], int]) -> Iterator[Piece]:
    """Pieces that end at the last end of a line, or of a tag. A line longer than a piece is shortened."""
    rest = b""
    area_code = b""
    heading, is_xml, in_long_line, at_end = True, False, False, False
    while not at_end:
        rest += stream.read(size - len(rest))
        at_end = len(rest) < size
        if heading:
            is_xml = _look_at(rest[:_HEAD], name)
            rest = rest.removeprefix(_BOM)
        end = len(rest) if at_end else _last_end(rest, is_xml=is_xml)
        if end:
            text, rest = rest[:end], rest[end:]
            if in_long_line:
                text, in_long_line = text[_first_end(text) :], False
        elif is_xml:
            raise SourceUnreadable(f"{name} begins like XML and has no tags")
        else:
            text = b"" if in_long_line else rest[: LONGEST_LINE + 1]
            in_long_line, rest = True, b""
        if text:
            whole = text if is_xml or text.endswith(b"\n") else text + b"\n"
            yield Piece(text=whole, is_xml=is_xml, area_code=area_code, heading=heading, consumed=consumed())
            area_code = last_area_code(text, area_code) if is_xml else b""
        heading = False


def _look_at(head: bytes, name: str) -> bool:
    """Whether it is XML. Raises SourceUnreadable for what is no text."""
    if head.startswith(_PACKED) or head[_TAR_MARK] == b"ustar":
        raise SourceUnreadable(f"{name} is an archive of a kind, or at a place, where none is read: unpack it first")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceUnreadable(f"{name} is UTF-16: save it as UTF-8 or ASCII")
    if head.startswith(b"%PDF"):
        raise SourceUnreadable(f"{name} is a PDF, not a list")
    text = head.removeprefix(_BOM).lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        raise SourceUnreadable(f"{name} is a web page, not a list: was it downloaded signed in?")
    found = _LIST_TYPE.search(head)
    if found and found[1].lower() != b"full":
        raise SourceUnreadable(f"{name} is XML of a list that is not full; its layout is not known")
    return text.startswith(b"<")


def _last_end(text: bytes, *, is_xml: bool) -> int:
    if is_xml:
        return text.rfind(b">") + 1
    return text.rfind(b"\n") + 1 or text.rfind(b"\r") + 1


def _first_end(text: bytes) -> int:
    """After the first end of a line; without one the text belongs to that line as a whole."""
    for end in (b"\n", b"\r"):
        found = text.find(end)
        if found >= 0:
            return found + 1
    return len(text)
