"""The folder of CSV tables says the same as the YAML file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estate.samples import ESTATE, WEEKLY, write_estate
from poise.errors import EstateError
from poise.estate import load_estate

TABLES = {
    "company": "company,currency,timezone\nNorthwind Bank,EUR,Europe/Berlin\n",
    "teams": "id,capacity,hourly_rate,overtime_factor\nlinux,6 h per window,95,1.5\n",
    "calendars": "id,file\nweekly,weekly.ics\n",
    "rings": "id,soak\nweb,3 d\n",
    "services": (
        "id,owner,tier,loss,downtime_cost\n"
        "shop,M. Keller,1,200000; 4000000,mon-fri 08-18: 12000; default: 2000\n"
        "wiki,M. Keller,3,,\n"
    ),
    "groups": (
        "id,services,team,calendar,hosts,cidrs,redundant_with,ring,stage,zone,reboot\n"
        "stage,shop,linux,weekly,stage-*,,,web,0,,\n"
        "a,shop,linux,weekly,web-a*,,b,web,1,,\n"
        "b,shop,linux,weekly,web-b*,,a,web,1,,\n"
        "wiki,wiki,linux,weekly,,10.0.0.0/8,,,,internal,20 min\n"
    ),
}


def write_tables(folder: Path, **changed: str) -> Path:
    """Write the tables, some of them changed."""
    (folder / "weekly.ics").write_text(WEEKLY, encoding="utf-8")
    for name, text in {**TABLES, **changed}.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_tables_and_yaml_say_the_same(tmp_path: Path) -> None:
    """Both forms give equal estates, down to what is assumed."""
    (tmp_path / "yaml").mkdir()
    (tmp_path / "csv").mkdir()
    one = load_estate(write_estate(tmp_path / "yaml", ESTATE))
    other = load_estate(write_tables(tmp_path / "csv"))
    assert one.groups == other.groups
    assert one.teams == other.teams
    assert one.services.keys() == other.services.keys()
    for id, service in one.services.items():
        twin = other.services[id]
        assert np.array_equal(service.downtime_cost_per_hour, twin.downtime_cost_per_hour)
        flat = np.zeros((7, 24))
        assert (
            dataclasses.asdict(dataclasses.replace(service, downtime_cost_per_hour=flat)).keys()
            == dataclasses.asdict(dataclasses.replace(twin, downtime_cost_per_hour=flat)).keys()
        )
        assert (service.tier, service.loss_low, service.loss_high, service.assumed) == (
            twin.tier,
            twin.loss_low,
            twin.loss_high,
            twin.assumed,
        )


def test_semicolons_of_european_spreadsheets_are_read(tmp_path: Path) -> None:
    """Spreadsheets with a decimal comma separate by semicolons; lists then use '|'."""
    services = "id;owner;tier;loss\nshop;M. Keller;1;200000|4000000\nwiki;M. Keller;3;\n"
    estate = load_estate(write_tables(tmp_path, services=services))
    assert estate.services["shop"].loss_high == 4_000_000


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"services": TABLES["services"].replace("owner", "ownr")}, ("E109", "services.csv:1")),
        ({"services": TABLES["services"].replace("wiki,", "shop,")}, ("E108", "services.csv:3")),
        ({"services": TABLES["services"].replace("wiki,", ",")}, ("E110", "services.csv:3")),
        ({"services": TABLES["services"].replace("wiki,", "wiki,a,b,c,")}, ("E124", "services.csv:3")),
        ({"services": TABLES["services"].replace("M. Keller", '"M. Keller', 1)}, ("E124", "services.csv:3")),
        ({"groups": TABLES["groups"].replace("20 min", "soon")}, ("E112", "groups.csv:5")),
        ({"company": TABLES["company"] + "a,b,c\n"}, ("E124", "company.csv")),
        ({"servces": "id\n"}, ("E109", "servces.csv")),
        ({"teams": ""}, ("E102", "teams.csv")),
    ],
)
def test_each_fault_has_its_row(tmp_path: Path, changed: dict[str, str], expected: tuple[str, str]) -> None:
    """A bad cell, column or table is told with its file and row."""
    with pytest.raises(EstateError) as caught:
        load_estate(write_tables(tmp_path, **changed))
    assert expected in [(fault.id, fault.where) for fault in caught.value.faults]


def test_folder_without_tables_is_refused(tmp_path: Path) -> None:
    """A wrong folder is named, not read as an empty company."""
    with pytest.raises(EstateError, match="E100"):
        load_estate(tmp_path)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(TABLES)),
    st.integers(0, 300),
    st.text(alphabet="a1,;|\"'\n\t :-é\x00", max_size=6),
    st.integers(0, 3),
)
def test_no_mutation_makes_a_traceback(tmp_path: Path, table: str, at: int, junk: str, cut: int) -> None:
    """However a table is soiled or cut, it loads or is refused with faults."""
    text = TABLES[table]
    changed = text[: at % len(text)] + junk + text[at % len(text) + cut :]
    try:
        estate = load_estate(write_tables(tmp_path, **{table: changed}))
    except EstateError:
        return  # refused with faults; an error without any cannot be made
    assert estate.groups
