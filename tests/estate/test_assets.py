"""Reconciliation: duplicates fold with evidence, and two machines never become one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.estate.assets import Reconciliation, reconcile
from poise.scans.finding import AssetIdentity as Id


def groups(*records: Id) -> set[frozenset[Id]]:
    """Return which records are one asset."""
    found = reconcile(records)
    return {frozenset(asset.records) for asset in found.assets.values()}


def is_one(*records: Id) -> bool:
    """Return whether all records are one asset."""
    return groups(*records) == {frozenset(records)}


def test_same_agent_is_one_machine() -> None:
    """An agent keeps its id when the machine moves to another address and name."""
    assert is_one(Id(agent_id="wazuh:1", ips=("10.0.0.1",)), Id(agent_id="wazuh:1", hostnames=("db9",)))


def test_same_address_with_two_agents_is_two_machines() -> None:
    """An address is reused or shared; agents of one scanner are not."""
    records = Id(agent_id="wazuh:1", ips=("10.0.0.1",)), Id(agent_id="wazuh:2", ips=("10.0.0.1",))
    found = reconcile(records)
    assert len(found.assets) == 2
    (refused,) = found.refused
    assert (refused.key, refused.value) == ("IP address", "10.0.0.1")
    assert "agent ids differ" in refused.refused


def test_agents_of_two_scanners_may_share_a_machine() -> None:
    """Two products on one host each have their own id."""
    assert is_one(
        Id(agent_id="wazuh:1", hostnames=("db1.corp.example",)),
        Id(agent_id="nessus:abc", hostnames=("DB1.corp.example.",)),
    )


def test_full_name_with_two_agents_of_one_scanner_is_not_merged() -> None:
    """A cloned machine keeps its name and gets a new agent."""
    assert not is_one(
        Id(agent_id="wazuh:1", hostnames=("db1.corp.example",)),
        Id(agent_id="wazuh:2", hostnames=("db1.corp.example",)),
    )


def test_short_name_merges_with_its_only_full_name() -> None:
    """One report says db1, the other db1.corp.example."""
    found = reconcile((Id(hostnames=("db1",)), Id(hostnames=("db1.corp.example",))))
    (asset,) = found.assets.values()
    assert asset.id == "db1.corp.example"
    assert [str(one) for one in asset.evidence] == ["short host name db1: db1, db1.corp.example merged"]


def test_short_name_of_two_full_names_merges_with_neither() -> None:
    """It could be either, so nobody guesses, and the refusal is reported."""
    records = Id(hostnames=("db1",)), Id(hostnames=("db1.a.example",)), Id(hostnames=("db1.b.example",))
    found = reconcile(records)
    assert len(found.assets) == 3
    assert "full host names differ" in found.refused[0].refused


def test_address_settles_which_full_name_is_meant() -> None:
    """A short name that could be either joins the machine whose address it shares."""
    records = (
        Id(hostnames=("db1",), ips=("10.0.0.1",)),
        Id(hostnames=("db1.a.example",), ips=("10.0.0.1",)),
        Id(hostnames=("db1.b.example",), ips=("10.0.0.2",)),
    )
    assert groups(*records) == {frozenset(records[:2]), frozenset(records[2:])}


def test_bare_address_merges_with_the_one_machine_that_has_it() -> None:
    """A network scan knows the address only."""
    assert is_one(Id(ips=("10.0.0.1",)), Id(hostnames=("db1",), ips=("10.0.0.1", "10.9.9.9")))


def test_shared_address_merges_nobody() -> None:
    """Behind one NAT address stand two names; a bare record of it could be either."""
    records = (
        Id(ips=("203.0.113.7",)),
        Id(hostnames=("web1",), ips=("203.0.113.7",)),
        Id(hostnames=("web2",), ips=("203.0.113.7",)),
    )
    assert len(groups(*records)) == 3


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "169.254.3.4", "fe80::1", "0.0.0.0", "224.0.0.1"])
def test_addresses_that_every_machine_has_never_merge(ip: str) -> None:
    """Loopback and link-local addresses tell nothing apart."""
    assert not is_one(Id(ips=(ip,), tags=("a",)), Id(ips=(ip,), tags=("b",)))


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST.localdomain", "unknown"])
def test_names_that_every_machine_has_never_merge(name: str) -> None:
    """A host called localhost is any host."""
    assert not is_one(Id(hostnames=(name,), tags=("a",)), Id(hostnames=(name,), tags=("b",)))


def test_one_address_has_one_spelling() -> None:
    """IPv6 has many spellings, and IPv4 may come mapped into it."""
    assert is_one(Id(ips=("2001:DB8:0::1",)), Id(ips=("2001:db8::1",), hostnames=("v6",)))
    assert is_one(Id(ips=("::ffff:10.0.0.1",)), Id(ips=("10.0.0.1",)))


def test_arn_and_instance_id_are_the_same_machine() -> None:
    """Inspector names the ARN, an agent the instance id."""
    arn = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0abc1234def567890"
    assert is_one(Id(cloud_id=arn), Id(cloud_id="i-0abc1234def567890", hostnames=("ip-10-0-0-1",)))


def test_cloud_ids_tell_machines_of_one_address_apart() -> None:
    """A private address repeats in every virtual network."""
    assert not is_one(
        Id(cloud_id="i-0abc1234def567890", ips=("10.0.0.4",)),
        Id(cloud_id="i-0abc1234def567891", ips=("10.0.0.4",)),
    )


def test_images_merge_by_digest_and_by_name() -> None:
    """The same image, with and without registry, tag and digest."""
    digest = "sha256:" + "a" * 64
    assert is_one(Id(image="nginx:1.25", image_digest=digest), Id(image="docker.io/library/nginx:1.25"))
    assert is_one(Id(image=f"nginx@{digest}"), Id(image="mirror.example/nginx:1.25", image_digest=digest))
    assert not is_one(Id(image="nginx:1.25"), Id(image="nginx:1.26"))


def test_one_tag_with_two_digests_is_two_images() -> None:
    """A tag moves; what runs under a digest does not."""
    assert not is_one(
        Id(image="app:latest", image_digest="sha256:" + "a" * 64),
        Id(image="app:latest", image_digest="sha256:" + "b" * 64),
    )


def test_hosts_that_run_the_same_image_stay_apart() -> None:
    """An image identifies an image, not the machines it runs on."""
    digest = "sha256:" + "a" * 64
    assert not is_one(Id(hostnames=("n1",), image_digest=digest), Id(hostnames=("n2",), image_digest=digest))


def test_chain_of_addresses_cannot_join_what_names_part() -> None:
    """A-B share one address and B-C another, but A and C are named differently: none is merged."""
    records = (
        Id(hostnames=("a",), ips=("10.0.0.1",)),
        Id(ips=("10.0.0.1", "10.0.0.2")),
        Id(hostnames=("c",), ips=("10.0.0.2",)),
    )
    assert len(groups(*records)) == 3


def test_names_keep_two_assets_of_one_label_apart() -> None:
    """Two machines with the same name get ids that differ and that the next run gives again."""
    records = Id(agent_id="wazuh:1", hostnames=("web",)), Id(agent_id="wazuh:2", hostnames=("web",))
    found = reconcile(records)
    assert len(found.assets) == 2
    assert all(id.startswith("web#") for id in found.assets)
    assert reconcile(reversed(records)).assets.keys() == found.assets.keys()


NAMES = st.sampled_from(["a", "b", "a.x.example", "a.y.example", "b.x.example", "localhost"])
IPS = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "127.0.0.1"])
RECORDS = st.builds(
    Id,
    hostnames=st.lists(NAMES, max_size=2).map(tuple),
    ips=st.lists(IPS, max_size=2).map(tuple),
    agent_id=st.sampled_from(["", "", "w:1", "w:2", "n:1"]),
    cloud_id=st.sampled_from(["", "", "", "c1", "c2"]),
    image=st.sampled_from(["", "", "i:1", "i:2"]),
    image_digest=st.sampled_from(["", "", "sha256:1"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(RECORDS, max_size=12).flatmap(lambda one: st.tuples(st.just(one), st.permutations(one))))
def test_result_does_not_depend_on_the_order(orders: tuple[list[Id], list[Id]]) -> None:
    """Two scans read in either order give the same assets, ids and evidence; no record is lost."""
    first, second = (reconcile(order) for order in orders)
    assert first == second
    assert set(first.asset_of) == set(orders[0])
    assert sorted(set(first.asset_of.values())) == sorted(first.assets)


@settings(max_examples=150, deadline=None)
@given(st.lists(RECORDS, max_size=12))
def test_merged_records_are_connected_by_evidence(records: list[Id]) -> None:
    """No merge without a key: an asset of n records has at least one, and each key's records are in it."""
    found: Reconciliation = reconcile(records)
    for asset in found.assets.values():
        labels = {record.label for record in asset.records}
        assert (len(asset.records) > 1) <= bool(asset.evidence)
        assert all(set(one.records) <= labels for one in asset.evidence)


@pytest.mark.timeout(60)
def test_many_records_take_about_linear_time() -> None:
    """10,000 machines seen by two scanners each, with an address that all of them report."""
    records = [
        record
        for n in range(10_000)
        for record in (
            Id(
                agent_id=f"w:{n}",
                hostnames=(f"h{n}.example.com",),
                ips=(f"10.1.{n >> 8}.{n & 255}", "172.17.0.1"),
            ),
            Id(hostnames=(f"h{n}",), ips=(f"10.1.{n >> 8}.{n & 255}",)),
        )
    ]
    started = time.perf_counter()
    found = reconcile(records)
    assert len(found.assets) == 10_000
    assert time.perf_counter() - started < 20
