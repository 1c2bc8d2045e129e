"""Where a school's messages may go: never into a private network, whatever its name says or becomes."""

from __future__ import annotations

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.webhooks.addresses import AddressRefused, check
from gateway.webhooks.sending import Sender, Target
from gateway.webhooks.signing import new_secret
from tests.gateway.webhooks.receiver import Receiver, receiving

REFUSED = (
    "http://example.org/", "ftp://example.org/", "https://", "https:///x", "example.org", "https://user:pw@example.org/",
    "https://user@example.org/", "https://example.org/#part", "https://example.org:0/", "https://example.org:99999/",
    "https://exa mple.org/", "https://example.org/\n", "https://example.org/" + "x" * 2000, "https://localhost/",
    "https://a.localhost/", "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f.0.0.1/",
    "https://0177.0.0.1/", "https://0/", "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1]/", "https://[fd00::1]/", "https://[64:ff9b::7f00:1]/", "https://10.0.0.1/",
    "https://172.16.0.1/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data", "https://100.64.0.1/",
    "https://[fd00:ec2::254]/", "https://0.0.0.0/", "https://224.0.0.1/", "https://intranet/", "https://example.org\\@x/",
    "http://10.0.0.1/", "https://ex%61mple.org/",
)  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_not_in_the_open_internet_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        check(url, here=False)


@pytest.mark.parametrize("url", ["https://example.org/", "https://hooks.example.org:8443/a?b=c", "https://8.8.8.8/"])
def test_what_is_there_is_taken(url: str) -> None:
    check(url, here=False)


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://example.org/", "https://192.168.1.1/"])
def test_a_gateway_of_one_machine_may_tell_that_machine_and_no_other(url: str) -> None:
    for mine in ("http://127.0.0.1:9/", "https://localhost/", "http://[::1]:9/"):
        check(mine, here=True)
    with pytest.raises(AddressRefused):
        check(url, here=True)


class Rebinding(AbstractResolver):
    """A name that leads wherever its owner likes today."""

    def __init__(self, *hosts: str) -> None:
        self.hosts = hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            {"hostname": host, "host": one, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for one in self.hosts
        ]

    async def close(self) -> None:
        """Nothing is open."""


def target(url: str) -> Target:
    return Target(url, [new_secret()], "i")


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "0.0.0.0"])
@pytest.mark.parametrize("here", [False, True])
async def test_a_name_that_leads_into_a_private_network_gets_nothing(host: str, here: bool) -> None:
    async with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        sender = Sender(here=here, resolver=Rebinding(host))
        sent = await sender.send(target(f"https://hooks.example.org:{port}/"), "msg_1", 1, "{}")
        assert (sent.code, receiver.came) == ("address", [])


async def test_what_was_allowed_when_it_was_set_is_checked_again_when_it_is_used(receiver: Receiver) -> None:
    sent = await Sender(here=False).send(target(receiver.url), "msg_1", 1, "{}")
    assert (sent.code, receiver.came) == ("address", [])


async def test_a_server_that_cannot_prove_who_it_is_gets_nothing(receiver: Receiver) -> None:
    sent = await Sender(here=True).send(target(receiver.url.replace("http:", "https:")), "msg_1", 1, "{}")
    assert sent.code in ("certificate", "unreachable")
    assert receiver.came == []
