"""What a source left on disk: found below one folder, and checked by content like an upload."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.content import ContentError, check_project_file, recognize

Row = dict[str, Any]

# What may stand as the type of an asset; anything else is no word for a use.
USE = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@dataclass(frozen=True)
class File:
    """A file of a project or an asset: what it is, or why it cannot be taken (in the words of docs/adoption.md)."""

    path: Path | None = None
    fault: str | None = None
    sha256: str | None = None
    size: int = 0
    ending: str = ""
    use: str = ""


def look(folder: Path, table: str, source_id: str, row: Row, limit: int) -> File:
    """Find the file of a row and check it, as an upload of `limit` bytes at most."""
    path = _find(folder, table, source_id, row)
    if isinstance(path, str):
        return File(fault=path)
    size = path.stat().st_size
    if size > limit:
        return File(path, "too_large", size=size)
    content = path.read_bytes()
    known = File(path, None, hashlib.sha256(content).hexdigest(), len(content))
    if table == "projects":
        try:
            check_project_file(content)
        except ContentError:
            return File(path, "not_a_project_file", known.sha256, known.size)
        return known
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != source_id.partition(".")[0].lower():
        return File(path, "md5_differs", known.sha256, known.size)
    said = str(row.get("type") or "").lower()
    use = said if USE.fullmatch(said) else "asset"
    try:
        form = recognize(content, use)
    except ContentError:
        return File(path, "not_an_asset", known.sha256, known.size)
    return File(path, None, known.sha256, known.size, form.ending, use)


def _find(folder: Path, table: str, source_id: str, row: Row) -> Path | str:
    """Where it says that it is, or where such a file would be; else the fault."""
    names = [row["file_path"]] if row.get("file_path") else []
    ending = "sb3" if table == "projects" else str(row.get("format") or "")
    plain = source_id if "." in source_id else f"{source_id}.{ending}"
    top = folder.resolve()
    for name in [*names, f"{table}/{plain}", plain]:
        if "\0" in str(name):
            return "path_leads_out"
        path = top.joinpath(str(name)).resolve()
        if not path.is_relative_to(top):
            return "path_leads_out"
        if path.is_file():
            return path
    return "no_file"


def unnamed(folder: Path, named: set[Path]) -> list[str]:
    """Say which files below a folder are none of these, by their paths below it."""
    top = folder.resolve()
    return sorted(
        str(path.relative_to(top)) for path in top.rglob("*") if path.is_file() and path.resolve() not in named
    )
