"""S10: which hosts may be connected to, however they are written."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from sdg_project.hosts import HostNotAllowed, HostNotFound, HostPolicy, HostTimeout, check_host

INSIDE = ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "fd12::1",
          "100.64.0.1", "::ffff:10.0.0.1"]  # fmt: skip
NEVER = ["0.0.0.0", "::", "169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "224.0.0.1",
         "255.255.255.255", "ff02::1", "100.100.100.200"]  # fmt: skip


def policy(*networks: str, is_production: bool = True, found: Sequence[str] = ()) -> HostPolicy:
    return HostPolicy(is_production, tuple(map(ip_network, networks)), lambda host, port: found)


@pytest.mark.parametrize("address", INSIDE)
def test_s10_addresses_inside_are_for_development_or_listed_ones(address: str) -> None:
    parsed = ip_address(address)
    own = getattr(parsed, "ipv4_mapped", None) or parsed

    assert not policy().allows(parsed)
    assert policy(is_production=False).allows(parsed)
    assert policy(f"{own}/{own.max_prefixlen}").allows(parsed)


@pytest.mark.parametrize("address", NEVER)
def test_s10_some_addresses_are_never_allowed(address: str) -> None:
    assert not policy("0.0.0.0/0", "::/0", is_production=False).allows(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert policy().allows(ip_address(address))


@pytest.mark.parametrize("address", ["64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:53aa:64c:0:0:80ff:fffe"])
def test_s10_addresses_that_stand_for_others_are_not(address: str) -> None:
    assert not policy(is_production=False).allows(ip_address(address))


def test_s10_a_name_with_one_forbidden_address_is_forbidden() -> None:
    with pytest.raises(HostNotAllowed):
        policy(found=["8.8.8.8", "127.0.0.1"]).addresses("two.example", 5432, timeout_s=5)


def test_s10_the_addresses_that_were_checked_are_those_to_connect_to() -> None:
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    rebinding = HostPolicy(True, (), lambda host, port: next(answers))

    assert rebinding.addresses("rebinding.example", 5432, timeout_s=5) == ["8.8.8.8"]
    with pytest.raises(HostNotAllowed):
        rebinding.addresses("rebinding.example", 5432, timeout_s=5)


@pytest.mark.parametrize("host", ["localhost", "localhost.", "127.0.0.1"])
def test_s10_names_of_this_machine_are_resolved_and_refused(host: str) -> None:
    with pytest.raises((HostNotAllowed, HostNotFound)):  # not every resolver knows "localhost."
        HostPolicy(is_production=True).addresses(host, 5432, timeout_s=5)


def test_a_name_without_an_address_is_told() -> None:
    with pytest.raises(HostNotFound):
        policy().addresses("none.example", 5432, timeout_s=5)


def test_a_resolver_that_does_not_answer_is_not_waited_for() -> None:
    ended = threading.Event()
    silent = HostPolicy(True, (), lambda host, port: [str(ended.wait(60))])

    with pytest.raises(HostTimeout):
        silent.addresses("slow.example", 5432, timeout_s=0.05)

    ended.set()


@pytest.mark.parametrize(
    "host", ["db", "db.example.org", "db.example.org.", "a_b.c", "10.0.0.1", "2001:db8::7", "xn--nxa.gr"]
)
def test_hosts_are_names_and_addresses(host: str) -> None:
    assert check_host(host) == host


@pytest.mark.parametrize(
    "host",
    ["", "/run/x", "a,b", "a b", "a:5432", "@x", "2130706433", "0x7f.1", "127.1", "1.2.3.4.5", "a..b", "-a", "a=b",
     "ö.de", "fe80::1%eth0", "[::1]", "a/b", "x" * 64, "a.0x7f", "http://a", "a\n", "a\0"],
)  # fmt: skip
def test_s9_s10_other_spellings_are_refused(host: str) -> None:
    with pytest.raises(ValueError, match="must "):
        check_host(host)
