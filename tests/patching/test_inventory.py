"""Ansible inventories: right hosts, right order, and nothing that runs on the control node."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
import yaml

from poise.patching.document import PlanDocument
from poise.patching.inventory import MARK, inventories, steps_of
from poise.patching.lookup import Lookup
from report.build import build_document


class _Loader(yaml.SafeLoader):
    """Reads ``!unsafe`` as Ansible does: as a text that is not templated."""


class _Untemplated(str):
    pass


_Loader.add_constructor("!unsafe", lambda loader, node: _Untemplated(loader.construct_scalar(node)))


def _load(data: bytes) -> dict[str, Any]:
    content = yaml.load(data, Loader=_Loader)
    assert isinstance(content, dict)
    return content


@pytest.fixture(scope="module")
def document() -> PlanDocument:
    return build_document()


def test_one_file_per_window_with_a_safe_name(document: PlanDocument) -> None:
    """A file is picked by its date, on any file system."""
    files = inventories(document)
    windows = {visit.window for visit in document.schedule("nash").visits}
    assert len(files) == len(windows)
    assert all(re.fullmatch(r"2026-\d\d-\d\dT\d{4}-[a-z0-9-]+\.yml", name) for name in files)
    assert list(files) == sorted(files)


def test_windows_of_one_name_do_not_overwrite_each_other(document: PlanDocument) -> None:
    """Two calendars whose names differ in signs only are two files."""
    windows = tuple(
        msgspec.structs.replace(
            window,
            start=document.windows[0].start,
            end=document.windows[0].end,
            calendar=f"Night/{'!' * window.id}",
        )
        for window in document.windows
    )
    files = inventories(msgspec.structs.replace(document, windows=windows))
    assert len(files) == len({visit.window for visit in document.schedule("nash").visits})


def test_hosts_and_changes_are_those_of_the_plan(document: PlanDocument) -> None:
    """The playbook must touch exactly the hosts that the agreement names."""
    found = set()
    for data in inventories(document).values():
        assert data.startswith(MARK.encode())
        inventory = _load(data)["all"]
        for name, group in inventory["children"].items():
            if not name.startswith("poise_step_"):
                variables = group["vars"]
                found.add(
                    (inventory["vars"]["poise_window"], variables["poise_group"], tuple(group["hosts"]))
                )
                assert all(change["vulnerabilities"] for change in variables["poise_changes"])
    wanted = {(placed.window.id, placed.group.id, placed.group.hosts) for placed in Lookup(document).placed}
    assert found == wanted


def test_steps_hold_every_group_once(document: PlanDocument) -> None:
    """A group in no step is never patched."""
    for data in inventories(document).values():
        inventory = _load(data)["all"]
        groups = [name for name in inventory["children"] if not name.startswith("poise_step_")]
        stepped = [
            name
            for step in inventory["vars"]["poise_order"]
            for name in inventory["children"][step]["children"]
        ]
        assert sorted(stepped) == sorted(groups)


def test_rings_go_first_and_halves_apart(document: PlanDocument) -> None:
    """A half may fall while the other carries the load, never both."""
    base = Lookup(document).placed[0]

    def visit(name: str, stage: int, halves: tuple[str, ...] = ()) -> Any:
        group = msgspec.structs.replace(base.group, id=name, ring_stage=stage, redundant_with=halves)
        return type(base)(base.visit, base.window, group, base.changes)

    steps = steps_of([visit("b", 1), visit("a2", 0), visit("a1", 0, ("a2",)), visit("c", 0)])
    assert [[placed.group.id for placed in step] for step in steps] == [["a1", "c"], ["a2"], ["b"]]


HOSTILE_HOSTS = (
    "{{ lookup('pipe', 'id') }}",
    "-oProxyCommand=sh",
    "web[1:9]",
    "a: b # c",
    "host name",
    "sha256:0f3a",
    "true",
    "2001:db8::7",
    "10.0.0.1",
    "ünïcode.example",
)


def test_hostile_text_is_never_templated_or_expanded(document: PlanDocument) -> None:
    """Ansible evaluates double braces on the machine that holds all keys."""
    replace = msgspec.structs.replace
    hostile = replace(
        document,
        shown="nash",
        groups=tuple(replace(group, hosts=HOSTILE_HOSTS) for group in document.groups),
        changes=tuple(replace(change, remedy="{% x %}{{ 7*7 }}") for change in document.changes),
        teams=tuple(replace(team, name="{{ team }}") for team in document.teams),
    )
    for data in inventories(hostile).values():
        inventory = _load(data)["all"]
        for name, group in inventory["children"].items():
            if name.startswith("poise_step_"):
                continue
            hosts = group["hosts"]
            assert len(hosts) == len(HOSTILE_HOSTS)
            assert {"true", "2001:db8::7", "10.0.0.1"} <= set(hosts)
            assert all(re.fullmatch(r"[A-Za-z0-9._:]+", host) for host in hosts)
            assets = {values["poise_asset"] for values in hosts.values() if values}
            assert assets == set(HOSTILE_HOSTS) - {"true", "2001:db8::7", "10.0.0.1"}
            assert all(isinstance(name, _Untemplated) for name in assets if "{{" in name)
            assert isinstance(group["vars"]["poise_team"], _Untemplated)
            assert isinstance(group["vars"]["poise_changes"][0]["remedy"], _Untemplated)


def test_group_names_are_ones_that_ansible_takes(document: PlanDocument) -> None:
    """Dashes and digits in front are refused or warned about; two groups must not become one."""
    replace = msgspec.structs.replace
    names = ("a-b", "a_b", "all", "1st", "poise_step_1")
    renamed = {group.id: name for group, name in zip(document.groups, names, strict=False)}
    groups = tuple(replace(group, id=renamed.get(group.id, group.id)) for group in document.groups)
    changes = tuple(replace(one, group=renamed.get(one.group, one.group)) for one in document.changes)
    visits = tuple(
        replace(visit, group=renamed.get(visit.group, visit.group), window=0)
        for visit in document.schedule("nash").visits
    )
    schedule = replace(
        document.schedule("nash"), visits=tuple({visit.group: visit for visit in visits}.values())
    )
    files = inventories(replace(document, groups=groups, changes=changes, schedules=(schedule,)))
    (data,) = files.values()
    names = [name for name in _load(data)["all"]["children"] if not re.fullmatch(r"poise_step_\d+", name)]
    assert len(names) == len(schedule.visits)
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name != "all" for name in names)
