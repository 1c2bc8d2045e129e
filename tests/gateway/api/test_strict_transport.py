"""Behind a proxy that ends TLS our own connection is plain; browsers are told to stay with TLS all the same."""

from __future__ import annotations

import dataclasses

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.api.application import build
from gateway.api.services import Services
from tests.gateway.api.live import Live


@pytest.mark.parametrize(("origin", "told"), [("https://files.example", True), ("http://127.0.0.1:9", False)])
def test_strict_transport_follows_the_public_address(live: Live, origin: str, told: bool) -> None:
    """Not the scheme of the connection that the proxy made."""

    async def asked(services: Services) -> bool:
        app = build(dataclasses.replace(services, public_origin=origin))
        async with TestClient(TestServer(app)) as client, client.get("/healthz") as answer:
            return "Strict-Transport-Security" in answer.headers

    assert live.run(asked) is told
