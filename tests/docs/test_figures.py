"""Tables of speed in the documents are those of bench/results/latest.json: compared word for word.

LOCKSTEP_WRITE=1 writes them anew instead. `<!-- figures: targets -->` stands before a table of what has a target,
`<!-- figures: all -->` before one of every line, `<!-- figures: desync -->` before that of finding desync, by size.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from app.settings import PROJECT

RESULTS = PROJECT / "bench" / "results" / "latest.json"
TABLE = re.compile(r"(<!-- figures: (\w+) -->\n).*?(?=\n\n)", re.DOTALL)
DOCUMENTS = [PROJECT / "README.md", PROJECT / "bench" / "README.md"]


def table(kind: str) -> str:
    """The table of this name, from what was measured."""
    return of_sizes() if kind == "desync" else of_rows(kind)


def of_sizes() -> str:
    """What was measured at several sizes of a database, in times the floor; the longest statement in milliseconds."""
    found: dict[str, dict[str, str]] = {}
    for row in json.loads(RESULTS.read_text("utf-8")):
        name, _, size = row["name"].rpartition(", ")
        if row["unit"] == "s" and size.endswith(" pairs") and row["floor"] is not None:
            longest = name.startswith("longest")
            cell = f"{row['ours'] * 1000:.0f} ms" if longest else figure(row["ratio"])
            found.setdefault(name, {})[size] = cell if row["ok"] else f"**{cell}**"
    sizes = list(dict.fromkeys(size for cells in found.values() for size in cells))
    lines = [f"| | {' | '.join(sizes)} |", f"| --- |{' --: |' * len(sizes)}"]
    lines += [f"| {name} | {' | '.join(cells.get(size, '') for size in sizes)} |" for name, cells in found.items()]
    return "\n".join(lines)


def of_rows(kind: str) -> str:
    """A line a row that was measured: ours, the floor, their ratio, and what it should be."""
    lines = ["| | unit | ours | floor | ratio | target | |", "| --- | --- | --: | --: | --: | --: | --- |"]
    for row in json.loads(RESULTS.read_text("utf-8")):
        if kind == "all" or row["target"] is not None:
            cells = (figure(row[name]) for name in ("ours", "floor", "ratio", "target"))
            met = "" if row["target"] is None else "met" if row["ok"] else "**not met**"
            lines.append(f"| {row['name']} | {row['unit']} | {' | '.join(cells)} | {met} |")
    return "\n".join(lines)


def figure(value: Any) -> str:
    """Three digits are what such a measurement is worth."""
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 or value == 0 else f"{value:,.3g}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_the_figures_of_a_document_are_those_that_were_measured(document: Path) -> None:
    text = document.read_text("utf-8")
    now = TABLE.sub(lambda found: found[1] + table(found[2]), text)
    if os.environ.get("LOCKSTEP_WRITE"):
        document.write_text(now, "utf-8")
    else:
        assert TABLE.search(text)
        assert now == text
