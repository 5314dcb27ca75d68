"""The estate file: what is read, and that every fault is told at once with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estate.samples import ESTATE, WEEKLY, place_of, write_estate
from poise.errors import EstateError
from poise.estate import load_estate
from poise.estate.vocabulary import built_in_tiers


def faults_of(path: Path) -> list[tuple[str, str]]:
    """Return (id, where) of every fault of an estate."""
    with pytest.raises(EstateError) as caught:
        load_estate(path)
    return [(fault.id, fault.where) for fault in caught.value.faults]


def test_values_are_read(tmp_path: Path) -> None:
    """Durations, money and hours arrive in the model's units."""
    estate = load_estate(write_estate(tmp_path))
    shop, group = estate.services["shop"], estate.groups["a"]
    assert shop.downtime_cost_per_hour[0, 8] == 12000
    assert shop.downtime_cost_per_hour[0, 18] == 2000
    assert shop.downtime_cost_per_hour[5, 12] == 2000
    assert (shop.loss_low, shop.loss_high) == (200_000, 4_000_000)
    assert estate.teams["linux"].capacity_minutes == 360
    assert (group.ring, group.ring_stage, group.soak_days) == ("web", 1, 3)
    assert group.redundant_with == ("b",)
    assert estate.groups["wiki"].reboot_minutes == 20


def test_what_nobody_gave_is_assumed(tmp_path: Path) -> None:
    """A stand-in is the tier's value, and its name says that it is one."""
    estate = load_estate(write_estate(tmp_path))
    wiki = estate.services["wiki"]
    costs, low, high = built_in_tiers()[3]
    assert np.array_equal(wiki.downtime_cost_per_hour, costs)
    assert (wiki.loss_low, wiki.loss_high) == (low, high)
    assert wiki.assumed == {"downtime_cost_per_hour", "loss_low", "loss_high"}
    assert estate.services["shop"].assumed == frozenset()
    assert estate.groups["a"].assumed == {
        "zone",
        "reboot_minutes",
        "fixed_labour_minutes",
        "change_labour_minutes",
        "capacity_loss_fraction",
    }
    assert estate.standing_policy.assumed
    assert estate.base_rate_per_year is None


def test_tiers_of_the_file_come_first(tmp_path: Path) -> None:
    """A company's own tier replaces the built-in figure, and what it leaves out stays."""
    estate = load_estate(write_estate(tmp_path, ESTATE + "tiers:\n  3: {downtime_cost: 70}\n"))
    wiki = estate.services["wiki"]
    assert (wiki.downtime_cost_per_hour == 70).all()
    assert wiki.loss_high == built_in_tiers()[3][2]
    assert "downtime_cost_per_hour" in wiki.assumed


def test_defaults_hold_for_groups_that_say_nothing(tmp_path: Path) -> None:
    """The owner's default is the owner's word, so it is not assumed; a group's own word wins."""
    estate = load_estate(write_estate(tmp_path, ESTATE + "defaults: {reboot: 45 min, zone: partner}\n"))
    assert estate.groups["a"].reboot_minutes == 45
    assert estate.groups["wiki"].reboot_minutes == 20
    assert estate.groups["a"].zone == "partner"
    assert "reboot_minutes" not in estate.groups["a"].assumed


def test_the_file_can_mark_its_own_guesses(tmp_path: Path) -> None:
    """A draft says which of its values nobody confirmed."""
    text = ESTATE.replace("reboot: 20 min", "reboot: 20 min, assumed: [reboot, zone]")
    assert {"reboot_minutes", "zone"} <= load_estate(write_estate(tmp_path, text)).groups["wiki"].assumed


def test_last_day_of_a_freeze_is_frozen(tmp_path: Path) -> None:
    """'to: 2027-01-04' includes the 4th, as people mean it."""
    text = ESTATE + "freezes:\n  year-end: {from: 2026-12-15, to: 2027-01-04, for: shop, kind: law}\n"
    (freeze,) = load_estate(write_estate(tmp_path, text)).freezes
    assert freeze.start.isoformat() == "2026-12-15T00:00:00+01:00"
    assert freeze.end.isoformat() == "2027-01-05T00:00:00+01:00"
    assert (freeze.scope, freeze.kind) == (("shop",), "law")


def test_freezes_come_from_a_calendar(tmp_path: Path) -> None:
    """Each event of the file is a freeze with its own dates and reason."""
    holidays = WEEKLY.replace("FREQ=WEEKLY", "FREQ=YEARLY;COUNT=3").replace("Weekly window", "Stocktaking")
    path = write_estate(tmp_path, ESTATE + "freezes:\n  stock: {file: holidays.ics}\n", holidays=holidays)
    freezes = load_estate(path).freezes
    assert [freeze.id for freeze in freezes] == ["stock@2026-01-06", "stock@2027-01-06", "stock@2028-01-06"]
    assert freezes[0].reason == "Stocktaking"
    assert freezes[0].start.astimezone(UTC) == datetime(2026, 1, 6, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "id", "at"),
    [
        ("owner: M. Keller", "ownr: M. Keller", "E109", "ownr"),
        ("tier: 1", "tier: 1.5", "E111", "tier: 1.5"),
        ("tier: 1", "tier: 7", "E118", "tier: 7"),
        ("12000", "-12000", "E111", "-12000"),
        ("12000", "twelve", "E111", "twelve"),
        ("mon-fri 08-18", "mon-fri 8am-6pm", "E113", "8am"),
        ("      default: 2000\n", "", "E113", "mon-fri"),
        ("      default: 2000\n", "      default: 2000\n      fri 12-20: 1\n", "E113", "fri 12-20"),
        ("[200000, 4000000]", "[4000000, 200000]", "E117", "loss"),
        ("[200000, 4000000]", "200000", "E107", "loss"),
        ("Europe/Berlin", "Europe/Berln", "E114", "Berln"),
        ("6 h per window", "six hours", "E112", "six"),
        ("hourly_rate: 95", "hourly_rate: 1e999", "E111", "1e999"),
        ("overtime_factor: 1.5", "changes_done: 5, changes_failed: 6", "E117", "changes_failed"),
        ("calendar: weekly, cidrs", "calendar: wekly, cidrs", "E118", "wekly"),
        ("services: [wiki]", "services: [wiki, blog]", "E118", "blog"),
        ("team: linux, calendar: weekly, cidrs", "team: unix, calendar: weekly, cidrs", "E118", "unix"),
        ("redundant_with: b", "redundant_with: a", "E119", "redundant_with: a"),
        ("redundant_with: b, ", "", "E119", "redundant_with: a"),
        ("stage: 0", "stage: 1", "E120", "stage-*"),
        ("stage: 0", "stage: zero", "E111", "zero"),
        ('hosts: ["stage-*"], ', "", "E121", "  stage:"),
        ("10.0.0.0/8", "10.0.0.0/64", "E122", "/64"),
        ("[10.0.0.0/8]", "[]", "E121", "  wiki: {services"),
        ("services: [wiki]", "services: []", "E110", "  wiki: {services"),
        ('"stage-*"', '"stage-[0-9"', "E122", "stage-[0-9"),
        ("  wiki: {services", "  wi ki: {services", "E123", "wi ki"),
        ("zone: internal", "zone: dmz", "E116", "dmz"),
        ("  wiki: {services", "  a: {services", "E108", "  a: {services: [wiki]"),
        ("3 d", "3 fortnights", "E112", "fortnights"),
        ("weekly.ics", "gone.ics", "E100", None),
        ("weekly: weekly.ics", 'weekly: ""', "E110", "weekly:"),
        ("company: Northwind Bank\n", "", "E110", "currency"),
        ("owner: M. Keller\n    tier: 3", "tier: 3", "E110", "tier: 3"),
        ("teams:\n  linux", "teams: &t\n  linux", "E105", "&t"),
        ("owner: M. Keller", "owner: !!python/object:os.system {}", "E105", "!!python"),
        ("tier: 1", "tier: [1]", "E107", "tier: [1]"),
        ("  wiki:\n    owner", "  wiki: [1, 2]\n  wiki2:\n    owner", "E107", "wiki: [1"),
        ("capacity: 6 h", "capacity: 6 h: 7", "E104", "capacity"),
    ],
)
def test_each_fault_has_its_line(tmp_path: Path, old: str, new: str, id: str, at: str | None) -> None:
    """A slip of the pen is found where it stands."""
    text = ESTATE.replace(old, new, 1)
    assert text != ESTATE
    found = faults_of(write_estate(tmp_path, text))
    if at is None:
        assert found[0][0] == id
    else:
        assert (id, place_of(text, at)) in found


def test_suggestion_for_an_unknown_key(tmp_path: Path) -> None:
    """The hint names the word that was probably meant."""
    with pytest.raises(EstateError, match="did you mean 'owner'"):
        load_estate(write_estate(tmp_path, ESTATE.replace("owner", "ownr", 1)))


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    """A file with four slips is mended in one round."""
    text = ESTATE.replace("tier: 1", "tier: x").replace(
        "team: linux, calendar: weekly, cidrs", "team: nix, cidrs"
    )
    path = write_estate(tmp_path, text.replace("3 d", "soon"), weekly=WEEKLY.replace("DTSTART", "DTSTRT"))
    assert {id for id, _ in faults_of(path)} == {"E111", "E118", "E110", "E112", "E132"}


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("", "E102"),
        ("# only a comment\n", "E107"),
        ("- a\n- b\n", "E107"),
        ("just words", "E107"),
        (b"company: B\xfcro\n", "E101"),
        (ESTATE.encode("utf-16"), "E101"),
        (b"\x00\x01\x02", "E101"),
        ("[" * 100_000, "E106"),
        ("a:\n" + "".join(" " * depth + "a:\n" for depth in range(1, 300)), "E106"),
        ("{" * 100_000 + "}" * 100_000, "E106"),
        ("company: *x", "E105"),
        ("company: x\n---\ncompany: y\n", "E104"),
        ("company:\tx\n\t- y", "E104"),
        ("? [a, b]\n: c\n", "E107"),
        ("company: \x07", "E104"),
    ],
)
@pytest.mark.timeout(20)
def test_hostile_file_is_refused(tmp_path: Path, text: str | bytes, id: str) -> None:
    """Empty, foreign, wrongly encoded, aliased and absurdly nested files end in a fault."""
    assert id in [found for found, _ in faults_of(write_estate(tmp_path, text))]


def test_alias_bomb_is_refused(tmp_path: Path) -> None:
    """Nine levels of nine aliases would be a billion values; the first anchor is refused."""
    bomb = 'a: &a ["x", "x"]\n' + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join('*' + chr(97 + n) for _ in range(9))}]\n"
        for n in range(9)
    )
    assert faults_of(write_estate(tmp_path, bomb)) == [("E105", "estate.yaml:1")]


def test_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    """Editors on Windows write both."""
    data = b"\xef\xbb\xbf" + ESTATE.replace("\n", "\r\n").encode()
    assert load_estate(write_estate(tmp_path, data)).name == "Northwind Bank"


LINES = ESTATE.split("\n")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_mutation_makes_a_traceback(tmp_path: Path, data: st.DataObject) -> None:
    """However the file is cut, doubled or soiled, it loads or is refused with faults."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        junk = data.draw(st.text(alphabet="abc:[]{},-#&*!|>'\"%@ \n0123456789.\t", max_size=8))
        match data.draw(st.sampled_from(["cut", "drop", "double", "insert", "indent"])):
            case "cut":
                lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
            case "drop":
                lines[at] = ""
            case "double":
                lines.insert(at, lines[at])
            case "insert":
                place = data.draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:place] + junk + lines[at][place:]
            case _:
                lines[at] = "  " + lines[at]
    path = write_estate(tmp_path, "\n".join(lines))
    try:
        estate = load_estate(path)
    except EstateError:
        return  # refused with faults; an error without any cannot be made
    assert estate.groups
    assert all(group.team in estate.teams for group in estate.groups.values())


@pytest.mark.parametrize("name", ["../weekly.ics", "sub/../../weekly.ics", "ABSOLUTE"])
def test_an_enclosed_estate_names_files_of_its_own_folder_only(name: str, tmp_path: Path) -> None:
    """Whoever uploads one may not have the machine's other files read and quoted for them."""
    folder = tmp_path / "estate"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path, folder / "sub"):
        (place / "weekly.ics").write_text(WEEKLY, encoding="utf-8")
    for inside in ("weekly.ics", "sub/weekly.ics", "./sub/../weekly.ics"):
        file = write_estate(folder, ESTATE.replace("weekly: weekly.ics", f"weekly: {inside}"))
        assert "weekly" in load_estate(file, is_enclosed=True).calendars
    outside = str(tmp_path / "weekly.ics") if name == "ABSOLUTE" else name
    file = write_estate(folder, ESTATE.replace("weekly: weekly.ics", f"weekly: {outside}"))
    assert "weekly" in load_estate(file).calendars, "on the own machine it may"
    with pytest.raises(EstateError, match="lies outside of the estate's own folder"):
        load_estate(file, is_enclosed=True)
