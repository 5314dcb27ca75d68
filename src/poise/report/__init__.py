"""The report: one page that two people and their staff read together."""

from poise.report.outputs import write_outputs
from poise.report.page import render_html
from poise.report.picture import frontier_svg

__all__ = ["frontier_svg", "render_html", "write_outputs"]
