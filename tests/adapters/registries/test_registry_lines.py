"""What is read from the lines of a list."""

from __future__ import annotations

import pytest

from manualdial.registries.line_shapes import Column, LineForm
from manualdial.registries.lines import LONGEST_LINE, MOST_REJECTS, Parsed, as_lines, last_area_code, parse
from manualdial.registries.numbering import NumberingPlan, plan_of_calling_code, plan_of_registry

FULL = LineForm()
CHANGES = LineForm(changes=True)


def plan(registry: str) -> NumberingPlan:
    found = plan_of_registry(registry)
    assert found is not None
    return found


def read(text: str | bytes, registry: str = "us-national", *, form: LineForm = FULL, heading: bool = False) -> Parsed:
    return parse(text if isinstance(text, bytes) else text.encode(), form=form, plan=plan(registry), heading=heading)


@pytest.mark.parametrize(
    "line",
    [
        "2025550100",
        "202,5550100",
        "202, 5550100",
        "202;5550100",
        "202\t5550100",
        "+12025550100",
        "12025550100",
        "0012025550100",
        "  2025550100 \t",
        '"2025550100"',
        '"202","5550100"',
        "'202,5550100'",
        "(202) 555-0100",
        "+1 202-555-0100",
        "202.555.0100",
        "2025550100,2024-01-31,DC",
        "2025550100 2024-01-31",
        "2025550100\r",
    ],
)
def test_a_north_american_number_is_found_in_each_of_its_forms(line: str) -> None:
    assert read(f"{line}\n").numbers.tolist() == [12025550100]
    beside_others = read(f"2025550101\n\n{line}\nrubbish\n")
    assert beside_others.numbers.tolist() == [12025550101, 0, 12025550100, 0]


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "202555010",
        "20255501000",
        "22025550100",
        "+442079460000",
        "1025550100",
        "2021550100",
        "0025550100",
        "2025550100\0",
        "\0",
        "202,555,0100",
        "202,",
        ",5550100",
        "2025550100 and 2025550101",
        "²025550100",
        "+202,5550100",
        "++12025550100",
        "2" * (LONGEST_LINE + 1),
        "2025550100" + " " * LONGEST_LINE,
    ],
)
def test_a_line_without_a_number_of_the_registry_is_rejected_and_told(line: str) -> None:
    parsed = read(f"2025550100\n{line}\n2025550101\n")
    assert parsed.numbers.tolist() == [12025550100, 0, 12025550101]
    assert parsed.rejected == 1
    [(number, shown)] = parsed.rejects
    assert number == 1
    assert shown.isprintable()
    assert shown.isascii()


@pytest.mark.parametrize(
    ("line", "registry"),
    [
        ("3055550000,3055550001", "us-national"),
        ("3055550000,DC,+13055550001", "us-national"),
        ("3055550000;(305) 555-0001", "us-national"),
        ("305,5550000,305,5550001", "us-national"),
        ("305,5550000,5550001", "us-national"),
        ("0470123456;0470123457", "be-dncm"),
        ("0470123456;2024-01-31;024701234", "be-dncm"),
        ("02079460000,02079460001", "uk-tps"),
    ],
)
def test_a_row_with_two_numbers_is_rejected_since_one_would_be_lost(line: str, registry: str) -> None:
    parsed = read(f"{line}\n", registry)
    assert (parsed.numbers.tolist(), parsed.rejected) == ([0], 1)
    assert parsed.rejects == [(0, line)]
    assert read(f"A,{line}\n".replace(";", ","), registry, form=CHANGES).rejected == 1


@pytest.mark.parametrize(
    ("line", "registry"),
    [
        ("3055550000,+13055550000", "us-national"),
        ("3055550000,20240131101500", "us-national"),
        ("305,5550000,2024-01-31,17", "us-national"),
        ("3055550000,1234567890", "us-national"),
        ("0470123456;20240131", "be-dncm"),
        ("0470123456;31012024;31.01.2024 10:15", "be-dncm"),
    ],
)
def test_further_columns_that_are_no_second_number_are_passed_over(line: str, registry: str) -> None:
    assert read(f"{line}\n", registry).rejected == 0


def test_only_the_rows_with_two_numbers_are_rejected_among_those_of_one_shape() -> None:
    rows = [
        ("2025550100,1234567890", 12025550100),
        ("2025550101,2234567890", 0),
        ("2025550102,0000000000", 12025550102),
    ]
    parsed = read("".join(f"{line}\n" for line, _ in rows))
    assert parsed.numbers.tolist() == [number for _, number in rows]


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("01234567890 ", 441234567890),
        ("012345678901", 0),
        ("0207 9460000", 442079460000),
        ("02079460000 ", 442079460000),
        ("2079460000  ", 442079460000),
        ("+442079460000", 442079460000),
        ("442079460000", 442079460000),
        ("00442079460000", 442079460000),
        ("08001111    ", 448001111),
        ("+12025550100", 0),
    ],
)
def test_british_numbers_come_in_twelve_characters_or_in_e164(line: str, number: int) -> None:
    assert read(f"{line}\r\n", "uk-tps").numbers.tolist() == [number]


@pytest.mark.parametrize(
    "line", ["0470123456;2024-01-31", "0470123456 31/01/2024", "32470123456\t20240131", "+32470123456,31.01.2024 10:15"]
)
def test_the_date_beside_a_belgian_number_is_passed_over(line: str) -> None:
    assert read(f"{line}\n", "be-dncm").numbers.tolist() == [32470123456]


def test_a_leading_zero_belongs_to_an_italian_number() -> None:
    assert read("0612345678\n+390612345678\n", "it-rpo").numbers.tolist() == [390612345678] * 2


def test_a_calling_code_that_is_not_known_takes_any_length_that_fits() -> None:
    known = plan_of_calling_code("998")
    assert parse(b"901234567\n+998901234567\n123\n", form=FULL, plan=known).numbers.tolist() == [998901234567] * 2 + [0]
    with pytest.raises(ValueError, match="calling code"):
        plan_of_calling_code("0")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_any_of_three_ways(end: str) -> None:
    parsed = read(f"2025550100{end}2025550101{end}{end}2025550102{end}".encode() + b"\n" * (end == "\r"))
    assert [number for number in parsed.numbers.tolist() if number] == [12025550100, 12025550101, 12025550102]
    assert parsed.rejected == 0


def test_a_line_feed_in_the_middle_of_what_looks_uniform_ends_a_line() -> None:
    assert read("2025550100\n202555\n101\n2025550102\n").numbers.tolist() == [12025550100, 0, 0, 12025550102]


def test_many_shapes_of_one_length_are_all_read() -> None:
    rubbish = [f"{number:08b}".replace("0", "x").replace("1", "y") + "zz" for number in range(200)]
    lines = [line for one in rubbish for line in (one, "2025550100")]
    parsed = read("".join(f"{line}\n" for line in lines))
    assert parsed.numbers.tolist() == [0, 12025550100] * 200
    assert parsed.rejected == 200


def test_blank_lines_are_no_rows() -> None:
    parsed = read("\n   \n\t\n2025550100\n")
    assert (parsed.blank, parsed.rejected) == (3, 0)


def test_a_heading_is_no_reject_and_stands_in_the_first_line_only() -> None:
    assert read("area code,number\n202,5550100\n", heading=True).rejected == 0
    assert read("area code,number\n202,5550100\n").rejected == 1
    assert read("202,5550100\narea code,number\n", heading=True).rejected == 1
    assert read("1025550100\n202,5550100\n", heading=True).rejected == 1


def test_only_the_first_rejects_are_kept() -> None:
    parsed = read("rubbish\n" * (MOST_REJECTS + 10))
    assert (parsed.rejected, len(parsed.rejects)) == (MOST_REJECTS + 10, MOST_REJECTS)


def test_canadian_xml_is_read_although_it_is_not_well_formed() -> None:
    tags = b"""<list type='full' level='all' val=''/> <ac val='416'> <ph val='2234567'/>
    <ph val="2234568" /> </ac><AC val='647'><PH val='2234569'/><ph val='x'/><other val='2234570'/></list>"""
    lines = as_lines(tags, b"")
    assert lines.splitlines() == [b"416,2234567", b"416,2234568", b"647,2234569", b"647,x"]
    assert as_lines(b"<ph val='2234567'/>", b"416") == b"416,2234567\n"
    assert last_area_code(tags.replace(b"AC", b"ac"), b"") == b"647"
    assert last_area_code(b"<ph val='2234567'/>", b"416") == b"416"


@pytest.mark.parametrize(
    ("line", "deletes"),
    [
        ("A,202,5550100", False),
        ("d,202,5550100", True),
        ("202,5550100,I", False),
        ("202,5550100,DELETE,20261101,17", True),
        ("2025550100;add", False),
        ("-,2025550100", True),
        ("D2025550100", True),
        ("A +12025550100", False),
    ],
)
def test_the_operation_of_a_change_stands_in_any_column(line: str, deletes: bool) -> None:
    parsed = read(f"{line}\n", form=CHANGES)
    assert parsed.numbers.tolist() == [12025550100]
    assert parsed.deletes is not None
    assert parsed.deletes.tolist() == [deletes]


@pytest.mark.parametrize("line", ["2025550100", "A,D,2025550100", "X,2025550100", "A", "Z2025550100"])
def test_a_change_without_one_clear_operation_is_rejected(line: str) -> None:
    assert read(f"{line}\n", form=CHANGES).rejected == 1


def test_columns_that_are_named_are_believed() -> None:
    columns = (Column.IGNORED, Column.NUMBER, Column.OPERATION, Column.IGNORED, Column.AREA_CODE)
    form = LineForm(changes=True, columns=columns)
    parsed = read("A,5550100,D,A,202\n17,5550101,a,x,202,more\n5550102,A,x\n", form=form)
    assert parsed.numbers.tolist() == [12025550100, 12025550101, 0]
    assert parsed.deletes is not None
    assert parsed.deletes.tolist()[:2] == [True, False]
