"""Files with a number a line, or CSV: read with patience, line by line. What is no number goes to a reject file."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec

LONGEST_LINE = 4096
"""In characters; a longer line is rubbish."""
_MODE = 0o600
_SEPARATORS = ",;\t|"
_NUMBER_COLUMNS = ("number", "phonenumber", "phone", "telephone", "telephonenumber", "msisdn", "mobile", "tel")
_ACCOUNT_COLUMNS = ("account", "accountnumber", "accountid")
BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters that make a spreadsheet calculate a cell; an apostrophe before it keeps it from that."""
_NOT_LETTERS = re.compile(r"[^a-z]")
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class LineRefused(Exception):
    """A line that cannot be taken, and why."""


class FileUnusable(Exception):
    """A file that cannot be read or written."""


class NotAsSaid(Exception):
    """The file or the policies have no such thing as was said of them: a column, a registry of answers."""


class NumberLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a file that is not empty."""

    place: int
    """Counts from 1."""
    text: str
    number: str
    """The text in the place of the number; empty where there is none."""
    cells: Mapping[str, str]
    """The other columns, by their name in small letters; none where the file has no heading."""


def account_in(line: NumberLine) -> str | None:
    """The account that a line names for its number, where the file has a column for it."""
    for name, cell in line.cells.items():
        if cell and _NOT_LETTERS.sub("", name) in _ACCOUNT_COLUMNS:
            return cell[1:] if cell.startswith("'") and cell[1:].startswith(BEGINS_A_FORMULA) else cell
    return None


class NumberListFile:
    """A file that is read once. Not closed by itself: use it as a context manager."""

    def __init__(self, path: Path, *, column: str | None = None) -> None:
        """`column` is the heading of the column with the numbers, or its place, counting from 1.

        Raises FileUnusable where the file cannot be opened.
        """
        self.path = path
        self._column = column.strip() if column else None
        self._heading: Sequence[str] = ()
        self._place = int(self._column) - 1 if self._column and self._column.isdecimal() else 0
        self._separator: str | None = None
        try:
            self._binary = path.open("rb")
        except OSError as error:
            raise FileUnusable(f"{path} cannot be read: {error.strerror}.") from None
        self.size = os.fstat(self._binary.fileno()).st_size
        self._text = io.TextIOWrapper(self._binary, encoding=self._encoding(), errors="replace", newline=None)

    def __enter__(self) -> NumberListFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self._text.close()

    @property
    def position(self) -> int:
        """About how many bytes are read."""
        return self._binary.tell()

    def lines(self) -> Iterator[NumberLine]:
        """All lines that are not empty, without a heading. Raises NotAsSaid where the named column is missing."""
        first = True
        for place, text in _lines(self._text):
            if not text.strip():
                continue
            cells = self._cells(text)
            if first:
                first = False
                if self._is_heading(cells):
                    continue
            yield self._line(place, text, cells)

    def _encoding(self) -> str:
        start = self._binary.peek(2)[:2]
        return _UTF_16.get(start, "utf-8-sig")

    def _cells(self, text: str) -> list[str]:
        if len(text) > LONGEST_LINE:
            return []
        if self._separator is None:
            # The first separator that is there divides all lines; a file of bare numbers has none.
            self._separator = max(_SEPARATORS, key=text.count)
        try:
            return [cell.strip() for cell in next(csv.reader([text], delimiter=self._separator), [])]
        except csv.Error:
            return []

    def _is_heading(self, cells: list[str]) -> bool:
        """Whether the first line names the columns: it has no digits, or names one as numbers are named."""
        names = [cell.strip().casefold() for cell in cells]
        plain = [_NOT_LETTERS.sub("", name) for name in names]
        if self._column and not self._column.isdecimal():
            if self._column.casefold() not in names:
                raise self._has_no_column()
            self._place = names.index(self._column.casefold())
        elif self._column and cells and not 0 <= self._place < len(cells):
            raise self._has_no_column()
        else:
            known = [plain.index(name) for name in _NUMBER_COLUMNS if name in plain]
            if not known and any(character.isdigit() for cell in cells for character in cell):
                return False
            if known and self._column is None:
                self._place = known[0]
        self._heading = names
        return True

    def _has_no_column(self) -> NotAsSaid:
        return NotAsSaid(f"{self.path} has no column {self._column}.")

    def _line(self, place: int, text: str, cells: list[str]) -> NumberLine:
        number = cells[self._place] if self._place < len(cells) else ""
        named = {
            name: cell
            for index, (name, cell) in enumerate(zip(self._heading, cells, strict=False))
            if index != self._place
        }
        return NumberLine(place=place, text=text[:LONGEST_LINE], number=number, cells=named)


class Rejects:
    """The file FILE.rejected: line, reason and text of what could not be taken. It is made with the first of them."""

    def __init__(self, of: Path) -> None:
        """Takes an earlier reject file of the same name away. Raises FileUnusable."""
        self.path = of.with_name(of.name + ".rejected")
        self.count = 0
        self.first = ""
        """Place and reason of the first."""
        self._file: TextIO | None = None
        self._rows: Any = None
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise FileUnusable(f"{self.path} cannot be taken away: {error.strerror}.") from None

    def __enter__(self) -> Rejects:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, place: int, reason: str, text: str) -> None:
        """Write a line down. Raises FileUnusable."""
        self.count += 1
        self.first = self.first or f"line {place}: {reason}"
        try:
            if self._file is None:
                self._file = private_file(self.path)
                self._rows = csv.writer(self._file)
                self._rows.writerow(("line", "reason", "text"))
            self._rows.writerow((place, reason, text))
        except OSError as error:
            raise FileUnusable(f"{self.path} cannot be written: {error.strerror}.") from None


def private_file(path: Path) -> TextIO:
    """A new text file that its owner alone can read; one that was there is replaced. Raises OSError."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    new.replace(path)
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="")


def _lines(file: TextIO) -> Iterator[tuple[int, str]]:
    """The lines with their places; of one that is too long no more than the beginning."""
    place = 0
    while text := file.readline(LONGEST_LINE + 1):
        place += 1
        whole = text
        while len(text) > LONGEST_LINE and not text.endswith("\n"):
            text = file.readline(LONGEST_LINE + 1)
        yield place, whole.rstrip("\n")
