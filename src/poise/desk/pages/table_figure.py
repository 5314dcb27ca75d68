"""The table's frontier as a picture: plans, fair points and proposals over what is proven."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from poise.desk import clock, convert
from poise.desk.charts.frontier import Point, frontier
from poise.desk.convert import DeskSession
from poise.planning.hull import hull_corners
from poise.planning.problem import Frontier
from poise.table.agreement import proven
from poise.table.ground import Ground, as_plan
from poise.table.landmarks import Landmarks
from poise.table.solving import costs_of


def figure(at: DeskSession, after: Landmarks | None) -> SafeString:
    """Return the frontier; all that it shows was computed before."""
    points = list(_frontier_points(at.negotiation.ground or ""))
    points.append(_default_point(at))
    for letter, point in zip("ABCEFG", (after or at.before).points, strict=False):
        href = _plan_address(point.key if after else f"{point.key}-before")
        costs = point.costs
        points.append(Point(point.label, letter, costs.security, costs.operations, "fair", href=href))
    for one in at.negotiation.proposals[-4:]:
        costs = costs_of(at.ground.problem, as_plan(one.windows))
        label = f"Proposal {one.number}"
        href = _plan_address(f"proposal-{one.number}")
        own = Point(label, str(one.number), costs.security, costs.operations, "proposal", href=href)
        points.append(own)
    # Built by poise.report.markup, which escapes what it is given.
    hull = hull_of(at.ground, max(point.operations for point in points))
    return mark_safe(frontier(points, hull, at.ground.currency))  # noqa: S308


def hull_of(ground: Ground, span: float) -> list[tuple[float, float]]:
    """Return the corners of what a ground proves about all plans, up to a disruption [money]."""
    lines = np.array(ground.line_weight), np.array(ground.line_bound)
    return hull_corners(Frontier((), *lines), span) if ground.line_weight else []


def _default_point(at: DeskSession) -> Point:
    default = at.before.default
    address = _plan_address("default")
    return Point("If nobody signs", "D", default.security, default.operations, "default", href=address)


def _plan_address(key: str) -> str:
    return reverse("plan", args=[key])


@lru_cache(maxsize=4)
def _frontier_points(digest: str) -> tuple[Point, ...]:
    ground, points = convert.session(clock.now()).ground_of(digest), []
    for stored in ground.plans:
        plan = as_plan(stored.windows)
        costs = costs_of(ground.problem, plan)
        bound = proven(ground, plan)["least_security_cost"]
        href = _plan_address(stored.key)
        points.append(Point(stored.key, "", costs.security, costs.operations, "plan", bound, href))
    return tuple(points)
