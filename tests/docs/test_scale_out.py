"""The figures in docs/scale-out.md are those of bench/results: compared word for word.

LOCKSTEP_WRITE=1 writes them anew instead.
"""

import json
import os
import re
from pathlib import Path

from app.settings import PROJECT
from bench.scale_out import tables

DOCUMENT = PROJECT / "docs" / "scale-out.md"
PLACE = re.compile(r"(?<=<!-- figures: )(\w+) -->\n(.*?)(?=<!-- end -->)", re.DOTALL)


def test_the_figures_are_those_that_were_measured() -> None:
    text = DOCUMENT.read_text("utf-8")
    made = tables()
    assert {name for name, _ in PLACE.findall(text)} == made.keys()
    written = PLACE.sub(lambda found: f"{found[1]} -->\n{made[found[1]]}\n", text)
    if os.environ.get("LOCKSTEP_WRITE"):
        DOCUMENT.write_text(written, "utf-8")
    else:
        assert written == text


def test_a_plan_names_metrics_that_there_are() -> None:
    source = (PROJECT / "app" / "http" / "metrics.py").read_text("utf-8")
    named = set(re.findall(r"`[^`]*?\b(lockstep_[a-z_]+)", DOCUMENT.read_text("utf-8")))
    assert len(named) > 5
    # A counter is written without the ending that Prometheus shows.
    known = set(re.findall(r'"(lockstep_[a-z_]+)"', source))
    assert {name for name in named if not {name, name.removesuffix("_total")} & known} == set()


def test_a_figure_that_changes_changes_the_table(tmp_path: Path) -> None:
    row = {"name": "level change", "unit": "calls a second", "ours": 1234.5, "floor": 2000.0}
    (tmp_path / "latest.json").write_text(json.dumps([row]), "utf-8")
    found = tables(tmp_path)
    assert "| level change | 1,234 | 2,000 | calls a second |" in found["bench"]
    assert found["model"] == "Not measured yet: `make simulate`."
