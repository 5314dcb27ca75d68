"""Ansible inventories: one file per maintenance window of the shown plan.

Text from scanner reports reaches a machine that has the keys to every host, so it is taken for
hostile: Ansible templates the values of variables, hence each text that carries template
marks is tagged ``!unsafe``, and a host name that Ansible would expand or ssh could read as an
option gets a neutral alias.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import Any

import yaml

from poise.patching.document import PlanDocument
from poise.patching.lookup import Lookup, Placed

#: First line of each inventory; what carries it was written by Poise and may be replaced by it.
MARK = "# Poise inventory of one maintenance window, made from plan.json; do not edit."

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,253}")
_TEMPLATE_MARKS = re.compile(r"\{[{%#]|[}%#]\}")


class _Unsafe(str):
    """A text that Ansible must not template."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """A dumper that knows ``!unsafe`` and writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    _Unsafe, lambda dumper, data: dumper.represent_scalar("!unsafe", str(data), style='"')
)


def inventories(document: PlanDocument) -> dict[str, bytes]:
    """Return the inventories by file name, in order of time.

    Each holds a group per patch group with its hosts and ``poise_*`` variables, and the groups
    ``poise_step_1``, ``poise_step_2``, ...: run the steps one after the other, so that an earlier ring
    goes first and two halves of a cluster are never down together.
    """
    lookup = Lookup(document)
    of_window: dict[int, list[Placed]] = {}
    for placed in lookup.placed:
        of_window.setdefault(placed.window.id, []).append(placed)
    files: dict[str, bytes] = {}
    for visits in of_window.values():
        name = _file_name(lookup, visits[0])
        if name in files:
            name = name.replace(".yml", f"-w{visits[0].window.id}.yml")
        files[name] = _inventory(lookup, visits)
    return files


def steps_of(visits: list[Placed]) -> list[list[Placed]]:
    """Return the visits of one window in steps: by ring stage, halves of one cluster apart."""
    steps: list[list[Placed]] = []
    first_of_stage = 0
    stage: int | None = None
    for placed in sorted(visits, key=lambda placed: (placed.group.ring_stage, placed.group.id)):
        if placed.group.ring_stage != stage:
            stage, first_of_stage = placed.group.ring_stage, len(steps)
        for step in steps[first_of_stage:]:
            if not any(_are_halves(placed, other) for other in step):
                step.append(placed)
                break
        else:
            steps.append([placed])
    return steps


def _are_halves(one: Placed, other: Placed) -> bool:
    return other.group.id in one.group.redundant_with or one.group.id in other.group.redundant_with


def _inventory(lookup: Lookup, visits: list[Placed]) -> bytes:
    document, window = lookup.document, visits[0].window
    names = _group_names(visits)
    children: dict[str, Any] = {names[placed.group.id]: _group(lookup, placed) for placed in visits}
    steps = steps_of(visits)
    for number, step in enumerate(steps, start=1):
        children[f"poise_step_{number}"] = {"children": {names[placed.group.id]: {} for placed in step}}
    content = {
        "all": {
            "vars": {
                "poise_plan": _text(document.shown),
                "poise_window": window.id,
                "poise_window_start": lookup.local(window.start).isoformat(),
                "poise_window_end": lookup.local(window.end).isoformat(),
                "poise_is_emergency": window.is_emergency,
                "poise_order": [f"poise_step_{number}" for number in range(1, len(steps) + 1)],
            },
            "children": children,
        }
    }
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return f"{MARK}\n---\n{text}".encode()


def _group(lookup: Lookup, placed: Placed) -> dict[str, Any]:
    group = placed.group
    return {
        "hosts": dict(_host(name) for name in group.hosts),
        "vars": {
            "poise_group": _text(group.id),
            "poise_team": _text(lookup.team_name(group.team)),
            "poise_services": [_text(service) for service in group.services],
            "poise_ring": _text(group.ring),
            "poise_ring_stage": group.ring_stage,
            "poise_reboot": any(change.needs_reboot for change in placed.changes),
            "poise_downtime_minutes": placed.visit.downtime_minutes,
            "poise_changes": [
                {
                    "id": _text(change.id),
                    "remedy": _text(change.remedy),
                    "vulnerabilities": [_text(name) for name in change.vulnerabilities],
                    "needs_reboot": change.needs_reboot,
                }
                for change in placed.changes
            ],
        },
    }


def _host(name: str) -> tuple[str, dict[str, Any]]:
    """Return the inventory name of an asset and its variables."""
    if _HOST_NAME.fullmatch(name) or _is_address(name):
        return name, {}
    # An image digest, a display name or worse: told, but never handed to ssh.
    return f"poise_asset_{_digest(name)}", {"poise_asset": _text(name)}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return "%" not in name


def _group_names(visits: list[Placed]) -> dict[str, str]:
    """Return a name that Ansible accepts for each patch group; equal ones are told apart by a digest."""
    names: dict[str, str] = {}
    for placed in visits:
        name = re.sub(r"[^A-Za-z0-9_]", "_", placed.group.id)
        reserved = name in {"all", "ungrouped", ""} or name[0].isdigit() or name.startswith("poise_")
        if reserved or name in names.values():
            name = f"group_{name}_{_digest(placed.group.id)}"
        names[placed.group.id] = name
    return names


def _file_name(lookup: Lookup, placed: Placed) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", placed.window.calendar.lower()).strip("-")[:60] or "calendar"
    return f"{lookup.local(placed.window.start):%Y-%m-%dT%H%M}-{slug}.yml"


def _text(text: str) -> str:
    return _Unsafe(text) if _TEMPLATE_MARKS.search(text) else text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
