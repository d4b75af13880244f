"""Parsed: the numbers of a piece of text, read by the block."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import numpy.typing as npt

from manualdial.registries.line_shapes import SHAPE_OF, LineForm, Operation, Reading, read_shape
from manualdial.registries.numbering import NumberingPlan, Numbers, are_dates, in_e164, may_be_number

LONGEST_LINE = 256
"""In bytes; a longer one is no row of a registry."""
MOST_REJECTS = 1000
"""Rejected lines that are kept of one piece."""
_SHOWN_OF_A_REJECT = 200
_ROWS_AT_ONCE = 32_768
"""Rows of the text that are worked on at once; they fit the processor's cache."""
_SHAPES_BY_BLOCK = 8
"""Shapes of one length for which a block is looked through; the lines of further ones are read one by one."""

_Bytes = npt.NDArray[np.uint8]
_Flags = npt.NDArray[np.bool_]

_AREA_CODE = re.compile(rb"<ac\s[^<>]{0,200}?val\s*=\s*['\"]([^'\"<>]{0,200})['\"]", re.IGNORECASE)
_REST = re.compile(rb"<ph\s[^<>]{0,200}?val\s*=\s*['\"]([^'\"<>]{0,200})['\"]", re.IGNORECASE)


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a piece of text, line by line."""

    numbers: Numbers
    """In E.164, one of each line; 0 where there is none."""
    deletes: _Flags | None
    """Of a change list: whether the line takes its number away."""
    blank: int
    rejected: int
    rejects: list[tuple[int, str]]
    """The first of the rejected lines: which line of the piece, from 0, and the beginning of its text."""


def as_lines(tags: bytes, area_code: bytes) -> bytes:
    """A piece of XML as `area code,number` lines. It need not be well-formed; tags of other names are passed over.

    `area_code`: the one in force where the piece begins.
    """
    pieces = []
    codes = [None, *_AREA_CODE.finditer(tags)]
    for opening, following in zip(codes, [*codes[1:], None], strict=True):
        code = opening[1] if opening else area_code
        numbers = _REST.findall(tags, opening.end() if opening else 0, following.start() if following else len(tags))
        pieces += [code + b"," + number.replace(b"\n", b" ") for number in numbers]
    return b"\n".join(pieces) + b"\n" if pieces else b""


def last_area_code(tags: bytes, area_code: bytes) -> bytes:
    """The area code that is in force after a piece of XML."""
    last = max(tags.rfind(b"<ac"), tags.rfind(b"<AC"))
    found = _AREA_CODE.match(tags, last) if last >= 0 else None
    return found[1] if found else area_code


def parse(text: bytes, *, form: LineForm, plan: NumberingPlan, heading: bool = False) -> Parsed:
    """Read a piece of text that ends with a line feed.

    `heading`: the first line may be one that names the columns, which is no reject.
    """
    if b"\r" in text and text.count(b"\r") != text.count(b"\r\n"):
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = _Lines(text, form=form, plan=plan)
    lines.read()
    return lines.parsed(heading=heading)


class _Lines:
    """One piece of text while it is read."""

    def __init__(self, text: bytes, *, form: LineForm, plan: NumberingPlan) -> None:
        self._text = text
        self._buffer = np.frombuffer(text, np.uint8)
        self._form = form
        self._plan = plan
        self._ends: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._set_up(0)

    def _set_up(self, count: int) -> None:
        self._numbers: Numbers = np.zeros(count, np.uint64)
        self._blank: _Flags = np.zeros(count, np.bool_)
        self._deletes: _Flags | None = np.zeros(count, np.bool_) if self._form.changes else None

    def read(self) -> None:
        if not self._read_uniform():
            self._read_by_length()

    def parsed(self, *, heading: bool) -> Parsed:
        rejected = np.flatnonzero((self._numbers == 0) & ~self._blank)
        if heading and len(rejected) and self._is_heading(int(rejected[0])):
            self._blank[rejected[0]] = True
            rejected = rejected[1:]
        return Parsed(
            numbers=self._numbers,
            deletes=self._deletes,
            blank=int(np.count_nonzero(self._blank)),
            rejected=len(rejected),
            rejects=[(int(line), self._shown(int(line))) for line in rejected[:MOST_REJECTS]],
        )

    def _is_heading(self, line: int) -> bool:
        """The first line that is not blank, with a letter in it and no digit."""
        first = not np.any(self._numbers[:line]) and bool(self._blank[:line].all())
        text = self._line(line)
        return first and any(chr(byte).isalpha() for byte in text) and not re.search(rb"[0-9]", text)

    def _line(self, line: int) -> bytes:
        self._find_ends()
        start = int(self._ends[line - 1]) + 1 if line else 0
        return self._text[start : int(self._ends[line])]

    def _shown(self, line: int) -> str:
        text = self._line(line)[:_SHOWN_OF_A_REJECT].decode("ascii", "backslashreplace")
        return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)

    def _find_ends(self) -> None:
        if not len(self._ends):
            self._ends = np.flatnonzero(self._buffer == ord("\n"))

    # ── lines that are all of one length ─────────────────────────────────────────────────────────────────────────

    def _read_uniform(self) -> bool:
        """Read text whose lines have all the length of the first; whether it was that."""
        width = self._text.find(b"\n") + 1
        if not 1 < width <= LONGEST_LINE or len(self._text) % width:
            return False
        matrix = self._buffer.reshape(-1, width)
        if not (matrix[:, -1] == ord("\n")).all():
            return False
        self._set_up(len(matrix))
        for first in range(0, len(matrix), _ROWS_AT_ONCE):
            rows = matrix[first : first + _ROWS_AT_ONCE, :-1]
            if not self._read_rows(rows, slice(first, first + len(rows)), whole=True):
                return False
        return True

    # ── lines of any length ──────────────────────────────────────────────────────────────────────────────────────

    def _read_by_length(self) -> None:
        self._find_ends()
        starts = np.concatenate(([0], self._ends[:-1] + 1)) if len(self._ends) else self._ends
        lengths = self._ends - starts
        self._set_up(len(starts))
        self._blank[lengths == 0] = True
        counted = np.bincount(np.minimum(lengths, LONGEST_LINE + 1), minlength=2)
        for length in np.flatnonzero(counted[: LONGEST_LINE + 1]):
            if length:
                self._read_length(int(length), starts, np.flatnonzero(lengths == length))

    def _read_length(self, length: int, starts: npt.NDArray[np.int64], lines: npt.NDArray[np.int64]) -> None:
        windows = np.lib.stride_tricks.sliding_window_view(self._buffer, length)
        for first in range(0, len(lines), _ROWS_AT_ONCE):
            some = lines[first : first + _ROWS_AT_ONCE]
            self._read_rows(windows[starts[some]], some, whole=False)

    # ── rows of one length ───────────────────────────────────────────────────────────────────────────────────────

    def _read_rows(self, rows: _Bytes, lines: slice | npt.NDArray[np.int64], *, whole: bool) -> bool:
        """Read a block of rows. With `whole`, stop with False where a row turns out to be more than one line."""
        columns = np.ascontiguousarray(rows.T)
        left = np.ones(len(rows), np.bool_)
        numbers = np.zeros(len(rows), np.uint64)
        blank = np.zeros(len(rows), np.bool_)
        deletes = np.zeros(len(rows), np.bool_)
        for _ in range(_SHAPES_BY_BLOCK):
            first = int(left.argmax())
            shape = rows[first].tobytes().translate(SHAPE_OF)
            if whole and b"\n" in shape:
                return False
            reading = read_shape(shape.rstrip(b"\r"), self._form)
            same = _of_shape(columns, shape) & left
            self._take(reading, columns, same, numbers, blank, deletes)
            left &= ~same
            if not left.any():
                break
        for row in np.flatnonzero(left):
            shape = rows[row].tobytes().translate(SHAPE_OF)
            if whole and b"\n" in shape:
                return False
            one = columns[:, row : row + 1]
            only = slice(row, row + 1)
            reading = read_shape(shape.rstrip(b"\r"), self._form)
            self._take(reading, one, np.ones(1, np.bool_), numbers[only], blank[only], deletes[only])
        self._numbers[lines] = numbers
        self._blank[lines] = blank
        if self._deletes is not None:
            self._deletes[lines] = deletes
        return True

    def _take(
        self, reading: Reading, columns: _Bytes, rows: _Flags, numbers: Numbers, blank: _Flags, deletes: _Flags
    ) -> None:
        """Put what the rows of one shape say where it belongs."""
        if reading.blank:
            blank |= rows
        if not reading.digits:
            return
        found = in_e164(
            _values(columns, reading.digits), digits=len(reading.digits), plus=reading.plus, plan=self._plan
        )
        for further in reading.further:
            if may_be_number(len(further.digits), plus=further.plus, split=further.split, plan=self._plan):
                values = _values(columns, further.digits)
                second = in_e164(values, digits=len(further.digits), plus=further.plus, plan=self._plan)
                other = (second != 0) & (second != found) & ~are_dates(values, len(further.digits))
                found = np.where(other, np.uint64(0), found)
        np.copyto(numbers, found, where=rows)
        if reading.operation is Operation.DELETE:
            deletes |= rows


def _of_shape(columns: _Bytes, shape: bytes) -> _Flags:
    same = np.ones(columns.shape[1], np.bool_)
    for column, byte in zip(columns, shape, strict=True):
        if byte == ord("0"):
            same &= (column - np.uint8(ord("0"))) < 10
        else:
            same &= column == byte
    return same


def _values(columns: _Bytes, places: tuple[int, ...]) -> Numbers:
    values = np.zeros(columns.shape[1], np.uint64)
    for place in places:
        values *= np.uint64(10)
        values += columns[place] - np.uint8(ord("0"))
    return values
