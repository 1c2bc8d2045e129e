"""The relay: tunnels to mapped hosts end at the stand-in under the vendor's name, all others are refused."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509

from providers.sandbox.core import serve
from tests.contract.relay import GOOGLE, MICROSOFT, Authority, Relay


async def test_a_mapped_host_is_the_stand_in(authority: Authority, seeded: Path, tmp_path: Path) -> None:
    hosts = []
    async with serve("microsoft", tmp_path / "state", tls=authority.tls, seed=False) as box:
        box.observers.append(lambda exchange: hosts.append(exchange.host))
        async with Relay({"graph.microsoft.com": box.url}) as relay, aiohttp.ClientSession() as http:
            url = "https://graph.microsoft.com/v1.0/me"
            async with http.get(url, proxy=relay.proxy, ssl=authority.client()) as reply:
                assert (await reply.json())["error"]["code"] == "InvalidAuthenticationToken"
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await http.get(url, proxy=relay.proxy, ssl=ssl.create_default_context())
            assert relay.refused == []
    assert hosts == ["graph.microsoft.com"]


async def test_any_other_host_is_refused_and_remembered(authority: Authority) -> None:
    async with Relay({"graph.microsoft.com": "https://127.0.0.1:9"}) as relay, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientHttpProxyError) as caught:
            await http.get("https://example.com/", proxy=relay.proxy)
        assert caught.value.status == 403
        with pytest.raises(aiohttp.ClientError):
            async with http.get("http://graph.microsoft.com/", proxy=relay.proxy) as reply:
                reply.raise_for_status()
        assert relay.refused == ["CONNECT example.com", "GET http"]


async def test_a_stand_in_that_is_away_ends_the_tunnel_alone(authority: Authority) -> None:
    async with Relay({"graph.microsoft.com": "https://127.0.0.1:9"}) as relay, aiohttp.ClientSession() as http:
        for _ in range(2):
            with pytest.raises(aiohttp.ClientError):
                await http.get("https://graph.microsoft.com/", proxy=relay.proxy)


async def test_leaving_ends_open_tunnels(authority: Authority, tmp_path: Path) -> None:
    async with serve("microsoft", tmp_path / "state", tls=authority.tls, seed=False) as box:
        async with Relay({"graph.microsoft.com": box.url}) as relay:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(relay.proxy.rpartition(":")[2]))
            writer.write(b"CONNECT graph.microsoft.com:443 HTTP/1.1\r\n\r\n")
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


def test_every_host_has_a_certificate(authority: Authority) -> None:
    leaf = x509.load_pem_x509_certificate(authority.tls[0].read_bytes())
    named = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(named.get_values_for_type(x509.DNSName)) == {*GOOGLE, *MICROSOFT, "localhost"}
