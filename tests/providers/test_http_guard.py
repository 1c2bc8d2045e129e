"""Where requests may go: configured origins and vendors' hosts, and never into a private network by another name."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import pytest
from aiohappyeyeballs import AddrInfoType
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from providers.errors import Offline, Refused
from providers.http import Outbound
from providers.http.guard import SUFFIXES, Allowed, Forbidden, GuardedResolver, is_public
from tests.providers.webserver import serving

ALLOWED = Allowed.of(["https://www.googleapis.com/drive/v3", "http://127.0.0.1:8123"], SUFFIXES)


class Fixed(AbstractResolver):
    """Resolves everything to the same addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    "url",
    [
        "https://www.googleapis.com/upload/drive/v3/files?upload_id=a%2Fb",
        "https://WWW.googleapis.com/x".replace("WWW", "www"),
        "https://www.googleapis.com:443/x",
        "http://127.0.0.1:8123/any",
        "https://doc-0s-4k.googleusercontent.com/x",
        "https://school-my.sharepoint.com/personal/x",
        "https://public.ch.files.1drv.com/y4m",
    ],
)
def test_allowed_addresses_pass_unchanged(url: str) -> None:
    assert str(ALLOWED.check(url)).replace(":443", "") == url.replace(":443", "")


@pytest.mark.parametrize(
    "url",
    [
        "http://www.googleapis.com/plain",
        "https://www.googleapis.com:8443/port",
        "http://127.0.0.1:8124/other-port",
        "https://127.0.0.1:8123/other-scheme",
        "http://localhost:8123/other-name",
        "http://2130706433:8123/",
        "http://0177.0.0.1:8123/",
        "http://0x7f000001:8123/",
        "http://127.1:8123/",
        "http://[::1]:8123/",
        "http://[::ffff:127.0.0.1]:8123/",
        "http://[::ffff:7f00:1]:8123/",
        "http://[fe80::1%25eth0]:8123/",
        "http://127.0.0.1.:8123/",
        "http://127.0.0.1:8123@evil.example/",
        "http://x@127.0.0.1:8123/",
        "http://:@127.0.0.1:8123/",
        "http://①②⑦.0.0.1:8123/",
        "http://127。0。0。1:8123/",
        "https://www.googleapis.com%00.evil.example/",
        "https://www.googleapis.com%2eevil.example/",
        "https://www.googleapis.com:443@evil.example/",
        "https://xn--ggleapis-5zaa.com/",
        "https://school.sharepoint.com.xn--p1ai/",
        "https://schооl.sharepoint.com/",
        "https://x.sharepoint。com/",
        "https://x.1drv.com:0443@evil.example/",
        "https://.sharepoint.com/",
        "http://169.254.169.254/latest/meta-data",
        "http://x.sharepoint.com/plain",
        "https://x.sharepoint.com:444/port",
        "https://sharepoint.com.attacker.example/",
        "https://evilsharepoint.com/",
        "https://user:pass@www.googleapis.com/",
        "https://www.googleapis.com@attacker.example/",
        "https://www.googleapis.com\\@attacker.example/",
        "https://www.googleapis.com/a b",
        "https://www.googleapis.com/a\r\nHost: x",
        "https://www.googleapis.com./",
        "file:///etc/passwd",
        "ftp://www.googleapis.com/",
        "//www.googleapis.com/",
        "/drive/v3",
        "",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        ALLOWED.check(url)
    assert refused.value.reason in ("origin", "address")
    assert "googleapis" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "::7f00:1",
        "::10.0.0.1",
        "fec0::1",
        "64:ff9b:1::a00:1",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
        "2130706433",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "127.1",
        "not an address",
    ],
)
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["142.250.185.74", "2a00:1450:4001:80b::200a", "::ffff:142.250.185.74"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


async def test_private_addresses_are_left_out() -> None:
    resolver = GuardedResolver(ALLOWED, Fixed("10.0.0.1", "142.250.185.74"))
    found = await resolver.resolve("school.sharepoint.com", 443)
    assert [result["host"] for result in found] == ["142.250.185.74"]


async def test_a_vendor_name_that_points_inside_is_not_dialled() -> None:
    with pytest.raises(Forbidden):
        await GuardedResolver(ALLOWED, Fixed("127.0.0.1")).resolve("school.sharepoint.com", 443)


async def test_a_request_to_a_name_that_points_inside_is_refused_and_never_arrives() -> None:
    async def reached(request: web.Request) -> web.Response:
        raise AssertionError("reached")

    async with serving(reached) as url:
        port = url.rpartition(":")[2]
        outbound = Outbound(["https://drive.example"], resolver=Fixed("127.0.0.1"), suffixes=[".example"])
        with pytest.raises(Refused):
            await outbound.fetch("GET", "https://other.example/x")
        with pytest.raises(Refused):
            await outbound.fetch("GET", f"https://drive.example:{port}/x")
        await outbound.close()


class Changing(Fixed):
    """A name that points at the internet when it is looked up first, and inside ever after."""

    def __init__(self) -> None:
        super().__init__("142.250.185.74")
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        self.addresses = ("142.250.185.74", "10.0.0.1") if self.asked == 1 else ("127.0.0.1",)
        return await super().resolve(host, port, family)


async def test_the_address_that_was_checked_is_the_one_that_is_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    dialled: list[str] = []

    async def dial(addr_infos: Sequence[AddrInfoType], **_: Any) -> socket.socket:
        dialled.extend(str(info[4][0]) for info in addr_infos)
        raise ConnectionRefusedError

    monkeypatch.setattr("aiohttp.connector.aiohappyeyeballs.start_connection", dial)
    resolver = Changing()
    outbound = Outbound([], resolver=resolver, suffixes=[".example"])
    for _ in range(2):  # the answer that was checked is kept; it is not asked for again at once
        with pytest.raises(Offline):
            await outbound.fetch("GET", "https://drive.example/x")
    await outbound.close()
    with pytest.raises(Refused):  # a new pool asks again, and checks again
        await outbound.fetch("GET", "https://drive.example/x")
    await outbound.close()
    assert set(dialled) == {"142.250.185.74"}
    assert resolver.asked == 2


async def test_a_configured_name_may_be_private() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["Host"])

    async with serving(answer) as url:
        port = url.rpartition(":")[2]
        outbound = Outbound([f"http://sandbox.internal:{port}"], resolver=Fixed("127.0.0.1"))
        reply = await outbound.fetch("GET", f"http://sandbox.internal:{port}/x")
        assert reply.body == f"sandbox.internal:{port}".encode()
        await outbound.close()
