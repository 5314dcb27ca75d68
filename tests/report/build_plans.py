"""The plans and the frontier of the made-up document of :mod:`report.build`."""

from __future__ import annotations

import math

import msgspec

from poise.patching.document import FrontierDot, HullPoint, NamedPlan, Schedule


def frontier() -> tuple[FrontierDot, ...]:
    """Return the dots of a frontier of 21 plans, along smooth curves."""
    dots = []
    for index in range(21):
        share = index / 20
        disruption = 96_000 + 190_000 * share**1.4
        exposure = 182_000 + 410_000 * math.exp(-3.4 * share) - 13_000 * share
        dots.append(
            FrontierDot(
                id=f"F{index:02d}",
                exposure=exposure,
                exposure_low=exposure * 0.36,
                exposure_high=exposure * 2.3,
                disruption=disruption,
                late_cost=0.0,
                exposure_bound=exposure * (1.0 if index in (0, 20) else 0.972 - 0.02 * (index % 3)),
                downtime_hours=21 + 44 * share,
                num_late=round(16 - 11 * share),
                weekends_worked=round(4 + 15 * share),
                is_exact=index in (0, 20),
            )
        )
    # A bound at more disruption holds at less of it as well.
    bounds = [max(dot.exposure_bound for dot in dots[index:]) for index in range(len(dots))]
    return tuple(
        msgspec.structs.replace(dot, exposure_bound=min(bound, dot.exposure))
        for dot, bound in zip(dots, bounds, strict=True)
    )


def hull(frontier: tuple[FrontierDot, ...]) -> tuple[HullPoint, ...]:
    """Return the lower convex hull of the bounds, as a proof by Lagrangian prices gives it."""
    corners: list[tuple[float, float]] = []
    for x, y in sorted((dot.disruption, dot.exposure_bound) for dot in frontier):
        while len(corners) > 1:
            (x1, y1), (x2, y2) = corners[-2:]
            if (x2 - x1) * (y - y1) > (y2 - y1) * (x - x1):
                break
            corners.pop()
        corners.append((x, y))
    return tuple(HullPoint(disruption=x, exposure=y) for x, y in corners)


def _named(
    key: str, label: str, kind: str, sentence: str, loss: float, disruption: float, **rest: object
) -> NamedPlan:
    loss, disruption = float(loss), float(disruption)
    hours = 14 + disruption / 5200
    figures: dict[str, object] = {
        "expected_loss_low": loss * 0.36,
        "expected_loss_high": loss * 2.3,
        "opening_cost": disruption * 0.6,
        "failure_cost": disruption * 0.25,
        "deferral_cost": disruption * 0.15,
        "late_cost": 0.0,
        "total_cost": loss + disruption,
        "downtime_hours": hours,
        "labour_hours": hours * 6.5,
        "weekends_worked": round(hours / 4),
        "num_openings": round(hours * 2.2),
        "num_done": 225,
        "num_not_done": 75,
        "num_late": round(loss / 26_000),
        "longest_kev_days": loss / 4000,
        "incident_probability": loss / 3.1e6,
    }
    return NamedPlan(
        key=key,
        label=label,
        kind=kind,
        sentence=sentence,
        expected_loss=loss,
        disruption=disruption,  # type: ignore[arg-type]
        **(figures | rest),  # type: ignore[arg-type]
    )


def plans(shown: Schedule, default: Schedule) -> tuple[NamedPlan, ...]:
    """Return the named plans: fair points, the default, each side's best and rules that people use."""
    return (
        _named(
            "least-exposure",
            "Best for security",
            "ideal",
            "Least expected loss that the windows allow.",
            183_000,
            286_000,
            share_security=1.0,
            share_operations=0.0,
            num_late=len(default.late) // 2,
        ),
        _named(
            "least-disruption",
            "Best for operations",
            "ideal",
            "Least disruption that any plan can have.",
            592_000,
            96_000,
            share_security=0.0,
            share_operations=1.0,
        ),
        _named(
            "default",
            "If nobody signs",
            "default",
            "Monthly maintenance only (assumed), as the estate's standing policy says.",
            561_000,
            251_000,
            share_security=0.0,
            share_operations=0.0,
            num_late=len(default.late),
            num_openings=len(default.visits),
            num_not_done=len(default.not_done),
            excess_exposure=1.87,
            excess_disruption=1.4,
            left_on_table=0.66,
        ),
        _named(
            "nash",
            "Nash",
            "landmark",
            "Largest product of both sides' gains over the default.",
            291_000,
            151_000,
            share_security=0.71,
            share_operations=0.65,
            num_late=len(shown.late),
            num_openings=len(shown.visits),
            num_not_done=len(shown.not_done),
            num_done=300 - len(shown.not_done),
            excess_exposure=0.0,
            excess_disruption=0.0,
            left_on_table=0.031,
        ),
        _named(
            "kalai-smorodinsky",
            "Kalai-Smorodinsky",
            "landmark",
            "Both sides get the same share of what each could have got.",
            299_000,
            147_500,
            share_security=0.69,
            share_operations=0.67,
            left_on_table=None,
        ),
        _named(
            "least-total",
            "Least total cost",
            "total",
            "Smallest sum of expected loss and disruption.",
            283_000,
            155_000,
            share_security=0.73,
            share_operations=0.62,
        ),
        _named(
            "cvss-first",
            "CVSS first",
            "rule",
            "Highest CVSS first, into the next window with room.",
            412_000,
            262_000,
            excess_exposure=1.13,
            excess_disruption=1.2,
        ),
        _named(
            "kev-then-epss",
            "KEV, then EPSS",
            "rule",
            "Known exploited first, then by EPSS.",
            301_000,
            231_000,
            excess_exposure=0.52,
            excess_disruption=0.58,
        ),
        _named(
            "severity-sla",
            "Severity SLA",
            "rule",
            "15, 30, 90 and 180 days by severity.",
            388_000,
            741_000,
            excess_exposure=1.05,
            excess_disruption=None,
        ),
        _named(
            "bod-26-04",
            "BOD 26-04 deadlines",
            "rule",
            "By the directive's deadline, nothing else.",
            344_000,
            208_000,
            excess_exposure=0.62,
            excess_disruption=0.61,
        ),
        _named(
            "hazard-per-minute",
            "Hazard per labour minute",
            "rule",
            "Most hazard per minute of work first.",
            258_000,
            178_000,
            excess_exposure=0.0,
            excess_disruption=0.004,
        ),
        _named(
            "monthly-only",
            "Monthly only",
            "rule",
            "The last window of each month.",
            561_000,
            251_000,
            excess_exposure=1.87,
            excess_disruption=1.4,
        ),
    )
