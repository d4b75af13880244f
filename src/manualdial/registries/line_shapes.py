"""The shape of a line: what is left when each digit counts as the same. Lines of one shape are read in the same way.

A registry has millions of lines and a handful of shapes, so a shape is read once, with care, and its lines in blocks.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

import msgspec

from manualdial.registries.numbering import LONGEST_DIGITS

SHAPE_OF = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else byte for byte in range(256))
"""For `bytes.translate`."""

_FEWEST_DIGITS = 4
_LONGEST_AREA_CODE = 5
_SPLIT = (3, 7)
"""Digits of an area code and of the rest, in North America."""
_SEPARATOR = re.compile(rb"[,;|\t]")
_BLANKS = b" \t\r\x0b\x0c"
_QUOTES = b"\"'"
_NUMBER = re.compile(rb"\+?[(]?0[0 ()./-]*")
_DATE = rb"(?:0000-00-00|00-00-0000|0000/00/00|00/00/0000|0000\.00\.00|00\.00\.0000|00000000)(?:[ T]00:00(?::00)?)?"
_NUMBER_AND_DATE = re.compile(rb"(\+?[(]?0[0 ()./-]*?0) +" + _DATE)
_WRITTEN_DATE = re.compile(rb"(?!00000000)" + _DATE)
_MARKED_NUMBER = re.compile(rb"([A-Za-z])[ ]*(\+?[(]?0[0 ()./-]*)")


class Operation(StrEnum):
    """The effect of a row of a change list on its number."""

    ADD = "add"
    DELETE = "delete"


_WORDS = {
    **dict.fromkeys((b"A", b"ADD", b"ADDED", b"ADDITION", b"I", b"INS", b"INSERT", b"INSERTED", b"+"), Operation.ADD),
    **dict.fromkeys((b"D", b"DEL", b"DELETE", b"DELETED", b"DELETION", b"REMOVE", b"REMOVED", b"-"), Operation.DELETE),
}


class Column(StrEnum):
    """The content of a column of a change list, where the operator names them."""

    OPERATION = "operation"
    AREA_CODE = "area-code"
    NUMBER = "number"
    IGNORED = "-"


class Further(msgspec.Struct, frozen=True, kw_only=True):
    """Where the digits of what may be a second number stand in each line of a shape."""

    digits: tuple[int, ...]
    plus: bool = False
    split: bool = False
    """Whether they are an area code and the rest of two columns, as in North America."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Where the digits of the number stand in each line of a shape. A line without a number has none."""

    digits: tuple[int, ...] = ()
    plus: bool = False
    operation: Operation = Operation.ADD
    blank: bool = False
    further: tuple[Further, ...] = ()
    """A line in which one of these is another number of the registry has two, and is not understood."""


_BLANK = Reading(blank=True)
_RUBBISH = Reading()
_Field = tuple[int, bytes]
"""Where it begins in the line, and its text without blanks and quotes around it."""


class LineForm(msgspec.Struct, frozen=True, kw_only=True):
    """How the lines of a source are written, as far as it is known beforehand."""

    changes: bool = False
    columns: tuple[Column, ...] = ()
    """Of a change list; none: the operation is the one column with a word for it, the number is in the first other."""


@lru_cache(maxsize=4096)
def read_shape(shape: bytes, form: LineForm) -> Reading:
    """Find the number in a shape: a line in which each digit is a 0. It has neither line feed nor carriage return."""
    if not shape.strip(_BLANKS):
        return _BLANK
    fields = _fields(shape)
    operation = Operation.ADD
    if form.columns:
        named = _named(fields, form.columns)
    elif form.changes:
        named = _marked(fields)
    else:
        named = (operation, fields)
    if named is None:
        return _RUBBISH
    operation, fields = named
    return _number(fields, operation)


def _fields(shape: bytes) -> list[_Field]:
    start, end = 0, len(shape)
    whole = shape.strip(_BLANKS)
    quoted = len(whole) > 1 and whole[:1] in (b'"', b"'") and whole[-1:] == whole[:1] and whole.count(whole[:1]) == 2
    if quoted:
        start = shape.index(whole) + 1
        end = start + len(whole) - 2
    fields = []
    for separator in [*_SEPARATOR.finditer(shape, start, end), None]:
        stop = separator.start() if separator else end
        text = shape[start:stop]
        inner = text.lstrip(_BLANKS + _QUOTES)
        fields.append((start + len(text) - len(inner), inner.rstrip(_BLANKS + _QUOTES)))
        start = separator.end() if separator else end
    return fields


def _named(fields: list[_Field], columns: tuple[Column, ...]) -> tuple[Operation, list[_Field]] | None:
    if len(fields) < len(columns):
        return None
    of = {column: field for column, field in zip(columns, fields, strict=False) if column is not Column.IGNORED}
    operation = _WORDS.get(of[Column.OPERATION][1].upper()) if Column.OPERATION in of else None
    if operation is None:
        return None
    return operation, [of[column] for column in (Column.AREA_CODE, Column.NUMBER) if column in of]


def _marked(fields: list[_Field]) -> tuple[Operation, list[_Field]] | None:
    words = [index for index, (_, text) in enumerate(fields) if text.upper() in _WORDS]
    if len(words) == 1:
        rest = [field for index, field in enumerate(fields) if index != words[0]]
        return _WORDS[fields[words[0]][1].upper()], rest
    start, text = fields[0]
    joined = _MARKED_NUMBER.fullmatch(text)
    if words or joined is None or joined[1].upper() not in _WORDS:
        return None
    return _WORDS[joined[1].upper()], [(start + joined.start(2), joined[2]), *fields[1:]]


def _number(fields: list[_Field], operation: Operation) -> Reading:
    """The number is the first column, or an area code in the first and the rest in the second."""
    if not fields:
        return _RUBBISH
    start, text = fields[0]
    dated = _NUMBER_AND_DATE.fullmatch(text)
    if dated:
        text = dated[1]
    if not _NUMBER.fullmatch(text):
        return _RUBBISH
    places = _digits(start, text)
    plus = text.startswith(b"+")
    area_code: list[int] = []
    if len(places) <= _LONGEST_AREA_CODE and not plus and len(fields) > 1:
        area_code = places
        start, rest = fields[1]
        if not _NUMBER.fullmatch(rest) or rest.startswith(b"+"):
            return _RUBBISH
        places = area_code + _digits(start, rest)
    if not _FEWEST_DIGITS <= len(places) <= LONGEST_DIGITS:
        return _RUBBISH
    further = _further(fields[2 if area_code else 1 :], area_code)
    return Reading(digits=tuple(places), plus=plus, operation=operation, further=further)


def _further(fields: list[_Field], area_code: list[int]) -> tuple[Further, ...]:
    """Possible numbers in the columns after the one that was read, whose own area code stood in `area_code`."""
    found = []
    before = area_code
    for start, text in fields:
        if not _NUMBER.fullmatch(text) or _WRITTEN_DATE.fullmatch(text):
            continue
        places = _digits(start, text)
        if (len(before), len(places)) == _SPLIT:
            found.append(Further(digits=(*before, *places), split=True))
        if len(places) == _SPLIT[0]:
            before = places
        if _FEWEST_DIGITS <= len(places) <= LONGEST_DIGITS:
            found.append(Further(digits=tuple(places), plus=text.startswith(b"+")))
    return tuple(found)


def _digits(start: int, text: bytes) -> list[int]:
    return [start + index for index, byte in enumerate(text) if byte == ord("0")]
