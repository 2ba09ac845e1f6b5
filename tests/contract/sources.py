"""What stands in the SQL files, as far as the contract tests have to read it."""

import re
from dataclasses import dataclass
from pathlib import Path

from app.settings import PROJECT

SQL = PROJECT / "sql"
TOKEN = re.compile(r"'(?:[^']|'')*'|--[^\n]*|[^'-]+|-")


def read(folder: str) -> dict[str, str]:
    """Return the text of each file of sql/functions or sql/views, by its name."""
    found = {path.stem: path.read_text("utf-8") for path in sorted((SQL / folder).glob("*.sql"))}
    assert found
    return found


FUNCTIONS = read("functions")
VIEWS = read("views")


def without_comments(text: str) -> str:
    """Return SQL without what stands behind `--`, strings left as they are."""
    return "".join(token for token in TOKEN.findall(text) if not token.startswith("--"))


def body(text: str) -> str:
    """Return what a file has between $function$ and $function$ (of a procedure, $procedure$), without comments."""
    found = re.search(r"\$(function|procedure)\$(.*)\$\1\$", text, re.DOTALL)
    return without_comments(found[2]) if found else ""


BODIES = {name: body(text) for name, text in FUNCTIONS.items()}
PROCEDURES = {name for name, text in FUNCTIONS.items() if "$procedure$" in text}


@dataclass(frozen=True)
class Raise:
    """A `raise exception` of a function; options as they are written."""

    function: str
    options: dict[str, str]

    @property
    def errcode(self) -> str:
        """A SQLSTATE of ours, or the name of a standard condition."""
        return self.options["errcode"].strip("'")


def raises(function: str) -> list[Raise]:
    """Return each `raise exception` in a function."""
    statement = r"\braise\s+exception\b((?:'(?:[^']|'')*'|[^';])*);"
    return [Raise(function, options(found)) for found in re.findall(statement, BODIES[function])]


def options(text: str) -> dict[str, str]:
    """Split `using a = x, b = y` at the commas that stand in no bracket and in no string."""
    using, _, rest = text.strip().partition("using")
    assert not using, f"raise exception without using: {text}"
    parts, depth = [""], 0
    for token in re.findall(r"'(?:[^']|'')*'|[^']", rest):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += token
    pairs = [part.partition("=") for part in parts]
    return {name.strip(): value.strip() for name, _, value in pairs}


def table(path: Path, first: str) -> list[dict[str, str]]:
    """Return the rows of the table of a Markdown file with this first heading, by heading, without backticks."""
    text = path.read_text("utf-8").partition(f"\n| {first} |")
    block = (text[1] + text[2]).lstrip().partition("\n\n")[0]
    lines = [line for line in block.splitlines() if line.startswith("|")]
    cells = [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]
    headings, rule, *rows = cells
    assert set("".join(rule)) <= {"-", ":"}
    return [dict(zip(headings, row, strict=True)) for row in rows]
