"""MSAL's requests, moved by the guarded connector: MSAL runs in a thread, its bytes travel on the event loop.

MSAL insists on https authorities and discovers their endpoints on every construction. Here discovery is answered from
the documented layout of the v2.0 endpoints, without a request, and a stand-in on loopback http gets its own scheme
back. Everything else an ``http_client`` of MSAL must be is this one class.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from providers.consent.answers import unavailable
from providers.errors import Offline, Refused, Untrusted
from providers.http import Outbound, Reply

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WAIT = 90.0
"""How long the thread waits for the loop, seconds; the connector's own limits end a request before."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Where people sign in, ``https://login.microsoftonline.com/organizations`` or a stand-in's address."""

    url: str

    @classmethod
    def of(cls, url: str) -> Authority:
        """From a setting."""
        return cls(url.rstrip("/"))

    @property
    def secure(self) -> str:
        """What MSAL is told: the same with https."""
        return urlsplit(self.url)._replace(scheme="https").geturl()

    @property
    def tenant(self) -> str:
        """'organizations', 'common', 'consumers', or one tenant's id or domain."""
        return urlsplit(self.url).path.strip("/").split("/")[0]

    @property
    def discovery(self) -> str:
        """The address of its OpenID configuration."""
        return f"{self.url}/v2.0/.well-known/openid-configuration"

    def layout(self) -> dict[str, str]:
        """The endpoints as Microsoft documents them for every cloud."""
        base = f"{self.secure}/oauth2/v2.0"
        return {
            "issuer": f"{self.secure}/v2.0",
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "device_authorization_endpoint": f"{base}/devicecode",
        }

    def actual(self, url: str) -> str:
        """An address of MSAL's with the scheme that the authority really has. Refused outside the authority."""
        if not url.startswith(self.secure + "/"):
            raise Refused("this address is not allowed", reason="authority")
        return self.url + url.removeprefix(self.secure)


@dataclass(frozen=True, slots=True)
class Answer:
    """What MSAL reads of a response."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Offline for a failure that has no OAuth error in it."""
        if self.status_code >= 400:
            raise Offline("the sign-in server does not work")


class Bridge:
    """An ``http_client`` for MSAL. ``loop`` None: built to make addresses only, it sends nothing."""

    def __init__(self, authority: Authority, outbound: Outbound, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._authority = authority
        self._outbound = outbound
        self._loop = loop

    def get(self, url: str, params: object = None, headers: object = None, **_: object) -> Answer:
        """The discovery document, which is all that MSAL ever gets."""
        if self._authority.actual(url) != self._authority.discovery:
            raise Refused("this address is not allowed", reason="authority")
        return Answer(200, json.dumps(self._authority.layout()), {})

    def post(
        self,
        url: str,
        params: object = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> Answer:
        """A form to the token endpoint. Called in a thread; Busy, Offline and Untrusted come through MSAL as are."""
        if self._loop is None:
            raise Refused("this client sends nothing", reason="authority")
        sending = self._outbound.fetch(
            "POST",
            self._authority.actual(url),
            headers={**(headers or {}), **_FORM},
            data=urlencode(data or {}).encode(),
            limit=256 * 1024,
        )
        future = asyncio.run_coroutine_threadsafe(sending, self._loop)
        try:
            reply = future.result(WAIT)
        except TimeoutError:
            future.cancel()
            raise Offline("the sign-in server does not answer") from None
        return _answer(reply)

    def close(self) -> None:
        """Nothing is held open."""


def _answer(reply: Reply) -> Answer:
    unavailable(reply)
    try:
        return Answer(reply.status, json.dumps(json.loads(reply.body)), dict(reply.headers))
    except ValueError:
        raise Untrusted("the token answer is not JSON", reason="json") from None
