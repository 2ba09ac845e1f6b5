"""Draw what bench.curves measured: bench/results/curves.json into bench/plots/*.png.

python -m bench.plots
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from app.settings import PROJECT

CURVES = PROJECT / "bench" / "results" / "curves.json"
PLOTS = PROJECT / "bench" / "plots"

Points = list[dict[str, Any]]

# The same thing has the same colour on every plot.
COLOURS = {"ours": "#0b6e4f", "update_level": "#0b6e4f", "level_up": "#3a86c8", "client-side": "#b5532a"}
LABELS = {"ours": "update_level()", "client-side": "client-side way", "update_level": "update_level()"}


def lines(axes: Axes, points: Points, across: str, up: str, style: str = "o-", suffix: str = "") -> None:
    """Draw one line a name, on a logarithmic axis."""
    for name in dict.fromkeys(point["name"] for point in points):
        own = [point for point in points if point["name"] == name]
        label = LABELS.get(name, f"{name}()") + suffix
        values = [[point[key] for point in own] for key in (across, up)]
        axes.plot(*values, style, color=COLOURS[name], label=label, markersize=4)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel(f"{across} (logarithmic)")
    axes.grid(alpha=0.3)


def throughput(axes: Axes, curves: dict[str, Points]) -> None:
    """Calls a second by the number of clients."""
    lines(axes, curves["clients"], "clients", "rate")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("level changes a second")
    axes.set_title("Throughput by clients, through PgBouncer with 20 server connections")


def latency(axes: Axes, curves: dict[str, Points]) -> None:
    """Percentiles of the time that a caller waits."""
    for percentile, style in (("p50", "o-"), ("p90", "s--"), ("p99", "^:")):
        lines(axes, curves["clients"], "clients", percentile, style, f", {percentile}")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.set_ylabel("milliseconds (logarithmic)")
    axes.set_title("Latency of a level change, queueing included")


def size(axes: Axes, curves: dict[str, Points]) -> None:
    """The server's CPU time a call by the size of the tables."""
    lines(axes, curves["sizes"], "pairs", "cpu")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("µs of server CPU a call")
    axes.set_title("Cost by the number of pairs in the tables, one client")


DRAWN: dict[str, tuple[str, Callable[[Axes, dict[str, Points]], None]]] = {
    "throughput": ("clients", throughput),
    "latency": ("clients", latency),
    "size": ("sizes", size),
}


def draw(curves: dict[str, Points], folder: Path) -> list[Path]:
    """Draw what there are figures for; return the files."""
    folder.mkdir(exist_ok=True)
    written = []
    for name, (needed, fill) in DRAWN.items():
        if curves.get(needed):
            figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
            fill(axes, curves)
            axes.legend(fontsize="small")
            written.append(folder / f"{name}.png")
            figure.savefig(written[-1], dpi=120, metadata={"Software": None})
            pyplot.close(figure)
    return written


def main() -> int:
    """Draw everything; see the module."""
    for path in draw(json.loads(CURVES.read_text("utf-8")), PLOTS):
        print(path.relative_to(PROJECT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
