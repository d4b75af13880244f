"""Measure what the service costs, and print the table of docs/benchmarks.md.

    python -m bench [press] [verdict] [recovery] [idle] [invite] [registry] [screening] [statements] [--write]

Without a name, all. `--write` puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from bench import idle, invite, press, recovery, registry, screening, statements, verdict
from bench.table import Row, markdown

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "press": press.measure,
    "verdict": verdict.measure,
    "recovery": recovery.measure,
    "idle": idle.measure,
    "invite": invite.measure,
    "registry": registry.measure,
    "screening": screening.measure,
    "statements": statements.measure,
}
PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
MARK = "<!-- table -->\n"


def main() -> None:
    """Run what is asked for."""
    names = [name for name in sys.argv[1:] if not name.startswith("--")] or list(BENCHMARKS)
    rows = [row for name in names for row in BENCHMARKS[name]()]
    table = markdown(rows)
    print(table)
    if "--write" in sys.argv:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARK)
        after = rest.partition(MARK)[2]
        PAGE.write_text(f"{before}{MARK}{table}\n{MARK}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
