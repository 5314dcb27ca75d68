"""The frontier as a picture of its own, for a README or a slide."""

from __future__ import annotations

import re

from poise.patching.document import PlanDocument
from poise.report.charts import frontier_chart
from poise.report.frontier import frontier_data
from poise.report.markup import Markup, element
from poise.report.page import style_sheet

_TOKEN = re.compile(r"(--[a-z]+): light-dark\((#[0-9a-f]+), (#[0-9a-f]+)\)")
_FONT = "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"


def frontier_svg(document: PlanDocument) -> str:
    """Return the frontier of a document as a standalone SVG file."""
    return standalone(frontier_chart(frontier_data(document)))


def standalone(chart: Markup) -> str:
    """Return a chart as an SVG file that needs no page around it.

    The colours stand in the file as values, light ones and dark ones behind a media query, on a
    background of its own: so it reads on a white page and on a black one.
    """
    opening, _, rest = chart.partition(">")
    content = [
        element("style", Markup(_colours(style_sheet("charts.css")))),
        element("rect", x=0, y=0, width="100%", height="100%", class_="paper"),
    ]
    namespace = ' xmlns="http://www.w3.org/2000/svg"'
    return f"{opening}{namespace}>{''.join(content)}{rest}\n"


def _colours(sheet: str) -> str:
    """Return a style sheet with each colour variable written out, for light and for dark."""
    tokens = {name: (light, dark) for name, light, dark in _TOKEN.findall(style_sheet("report.css"))}
    rules = f"{sheet}.chart .paper {{ fill: var(--paper); }}\n".replace("var(--sans)", _FONT)
    light = re.sub(r"var\((--[a-z]+)\)", lambda match: tokens[match[1]][0], rules)
    dark = re.sub(r"var\((--[a-z]+)\)", lambda match: tokens[match[1]][1], rules)
    return f"{light}@media (prefers-color-scheme: dark) {{\n{dark}}}"
