"""Files as they come: packed, damaged, or not what they are taken for."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from manualdial.registries.sources import Limits, SourceUnreadable, pieces
from tests.adapters.registries.lists import national, order, run, write

LINES = "".join(f"{national(5_550_000 + number)}\n" for number in range(500)).encode()
BOM = b"\xef\xbb\xbf"


def text(path: Path, *, size: int = 1 << 16, limits: Limits | None = None) -> bytes:
    return b"".join(piece.text for piece in pieces(path, size=size, limits=limits or Limits()))


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def encrypted() -> bytes:
    """A zip whose member says that it is encrypted, in both of its headers."""
    data = bytearray(zipped(("list.txt", LINES)))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("list.txt")
        member.size = len(LINES)
        archive.addfile(member, io.BytesIO(LINES))
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        LINES,
        BOM + LINES,
        gzip.compress(LINES),
        gzip.compress(BOM + LINES),
        gzip.compress(LINES[:1_100]) + gzip.compress(LINES[1_100:]),
        zipped(("list.txt", LINES)),
        zipped(("list.txt", LINES), method=zipfile.ZIP_STORED),
        zipped(("202/", b""), ("202/a.txt", LINES[:1_100]), ("202/empty.txt", b""), ("202/b.txt", LINES[1_100:])),
        LINES.rstrip(b"\n"),
    ],
    ids=["plain", "BOM", "gzip", "gzip BOM", "gzip of two", "zip", "stored", "zip of several", "no last line feed"],
)
@pytest.mark.parametrize("size", [100, 1 << 20])
def test_the_text_is_found_whatever_the_file_is_called(content: bytes, size: int, tmp_path: Path) -> None:
    assert text(write(tmp_path, content, "list.dat"), size=size) == LINES


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zipped(("list.txt", LINES))[:-30], "damaged archive"),
        (zipped(("list.txt", LINES))[:200], "damaged archive"),
        (zipped(("list.txt", LINES)).replace(b"PK\x05\x06", b"PK\x05\x07"), "damaged archive"),
        (gzip.compress(LINES)[:-20], "cut short"),
        (gzip.compress(LINES)[:-8] + b"\0" * 8, "damaged archive"),
        (gzip.compress(LINES)[:200] + b"\xff" * 50 + gzip.compress(LINES)[250:], "damaged archive"),
        (encrypted(), "is encrypted"),
        (zipped(("list.txt", LINES), method=zipfile.ZIP_BZIP2), "packed in a way"),
        (zipped(("inner.zip", zipped(("list.txt", LINES)))), "unpack it first"),
        (zipped(("inner.gz", gzip.compress(LINES))), "unpack it first"),
        (gzip.compress(gzip.compress(LINES)), "unpack it first"),
        (gzip.compress(tar()), "unpack it first"),
        (tar(), "unpack it first"),
        (b"7z\xbc\xaf\x27\x1c" + b"\0" * 100, "unpack it first"),
        (zipped(("[Content_Types].xml", b"<Types/>"), ("xl/sheet.xml", b"<sheet/>")), "save its table as CSV"),
        ("2025550100\n".encode("utf-16"), "UTF-16"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\n <!DOCTYPE html><html><body>Please sign in</body></html>", "a web page"),
        (b"<list type='change'><ac val='416'><ph val='2234567'/>", "not full"),
        (b"<" + b"x" * 70_000, "no tags"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason_and_changes_nothing(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    run(order(write(tmp_path, LINES)), held)
    before = (held / "us-national.registry").read_bytes()
    with pytest.raises(SourceUnreadable, match=reason) as raised:
        run(order(write(tmp_path, content, "list.dat"), piece_bytes=1 << 16), held)
    assert "list.dat" in str(raised.value)
    assert str(tmp_path) not in str(raised.value)
    assert (held / "us-national.registry").read_bytes() == before


@pytest.mark.parametrize("pack", [gzip.compress, lambda content: zipped(("a.txt", content), ("b.txt", content))])
def test_an_archive_that_unpacks_beyond_measure_is_refused_before_it_is_unpacked(
    pack: type[bytes], tmp_path: Path
) -> None:
    bomb = write(tmp_path, pack(b"\n" * 4_000_000), "bomb")
    limits = Limits(unpacked=1 << 30, ratio=100, ratio_from=1 << 20)
    taken: list[int] = []
    with pytest.raises(SourceUnreadable, match="unpacks to more than"):
        taken.extend(len(piece.text) for piece in pieces(bomb, size=1 << 16, limits=limits))
    assert sum(taken) <= 1 << 20
    with pytest.raises(SourceUnreadable, match="unpacks to more than"):
        text(bomb, limits=Limits(unpacked=1 << 20, ratio=10_000))


def test_a_list_that_packs_well_is_no_bomb(tmp_path: Path) -> None:
    numbers = "".join(f"{national(2_000_000 + number)}\n" for number in range(200_000)).encode()
    path = write(tmp_path, gzip.compress(numbers, 9))
    assert text(path, limits=Limits(ratio_from=0)) == numbers


def test_a_member_that_lies_about_its_size_is_read_no_further_than_the_limit(tmp_path: Path) -> None:
    data = bytearray(zipped(("list.txt", b"\n" * 4_000_000)))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.index(mark) + offset
        data[place : place + 4] = (1_000).to_bytes(4, "little")
    with pytest.raises(SourceUnreadable):
        text(write(tmp_path, bytes(data)), limits=Limits(ratio_from=1 << 20))


@pytest.mark.parametrize("size", [300, 1_000, 5_000])
def test_a_line_without_end_is_one_reject_and_what_follows_is_read(size: int, tmp_path: Path) -> None:
    path = write(tmp_path, b"2025550100\n" + b"2" * 20_000 + b"\n2025550101\n" + b"7" * 20_000)
    made = run(order(path, force=True, piece_bytes=size), tmp_path)
    assert (made.counts.rows, made.counts.numbers, made.counts.rejected) == (4, 2, 2)


@pytest.mark.parametrize("size", [60, 200, 1 << 20])
def test_xml_may_be_one_line_and_be_cut_anywhere(size: int, tmp_path: Path) -> None:
    tags = "".join(
        f"<ac val='{code}'>" + "".join(f"<ph val='{number}'/>" for number in range(2_234_000, 2_234_050)) + "</ac>"
        for code in (416, 647)
    )
    source = write(tmp_path, f"<list type='full' level='all' val=''/>{tags}</list>", "list.xml")
    made = run(order(source, registry="ca-national", piece_bytes=size), tmp_path)
    assert (made.counts.numbers, made.counts.rejected) == (100, 0)


def test_the_pieces_are_the_same_each_time(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(LINES))
    first, second = (list(pieces(path, size=333, limits=Limits())) for _ in range(2))
    assert first == second
    assert len(first) > 10
    assert all(piece.text.endswith(b"\n") for piece in first)
    assert first[-1].consumed == path.stat().st_size
