"""Charts as SVG that is part of the page: no script, no style of their own, the colours are the stylesheet's.

pygal draws them; what it would write into the page besides (script, style, tooltips) is left out. A
chart says nothing to who cannot see it: each page has its figures in a table beside it.
"""

import sys
from collections.abc import Sequence
from datetime import datetime
from xml.etree.ElementTree import Element

import pygal
from markupsafe import Markup

# A hook for plugins that we have none of; with it in place every import that finds nothing gives a warning.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

OPTIONS = {
    "css": [],
    "js": [],
    "width": 880,
    "height": 230,
    "margin": 12,
    "margin_right": 48,
    "show_legend": False,
    "disable_xml_declaration": True,
    "no_data_text": "",
}

# Parts of pygal's document that only its script uses.
LEFT_OUT = ("defs", "desc", "title")


def rate_over_time(points: Sequence[tuple[datetime, float]]) -> Markup:
    """A line: the share of consistent pairs, in percent, by moment."""
    lowest = min((rate for _, rate in points), default=100.0)
    floor = next(floor for floor in (99, 95, 90, 50, 0) if lowest >= floor)
    steps = [floor + (100 - floor) * step / 5 for step in range(6)]
    chart = pygal.DateTimeLine(
        **OPTIONS,
        range=(floor, 100),
        dots_size=1.5,
        x_value_formatter=lambda moment: moment.strftime("%d %b %H:%M"),
        y_labels=[{"value": rate, "label": f"{rate:g} %"} for rate in steps],
        x_labels=[points[at][0] for at in sorted({0, len(points) // 3, 2 * len(points) // 3, len(points) - 1})]
        if points
        else [],
    )
    chart.add("", list(points))
    return _drawn(chart)


def bars(figures: Sequence[tuple[str, int]]) -> Markup:
    """Bars, one a name."""
    chart = pygal.Bar(
        **OPTIONS | {"width": 560, "height": 250},
        max_scale=8,
        x_labels=[name for name, _ in figures],
        formatter=lambda value: f"{value:,.0f}",
    )
    chart.add("", [figure for _, figure in figures])
    return _drawn(chart)


def _drawn(chart: "pygal.Graph") -> Markup:
    chart.add_xml_filter(_bare)
    return Markup(chart.render(is_unicode=True))


def _bare(root: Element) -> Element:
    """Take away what the policy of the page would refuse, and what is said twice."""
    for parent in list(root.iter()):
        for child in list(parent):
            kind = child.tag if isinstance(child.tag, str) else ""
            if kind.rpartition("}")[2] in LEFT_OUT or kind == "" or "overlay" in child.get("class", ""):
                parent.remove(child)
    root.attrib.pop("id", None)
    root.set("class", "chart-drawing")
    root.set("aria-hidden", "true")
    return root
