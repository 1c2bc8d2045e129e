"""An application of its own that was given drive.file and nothing else, by the real consent."""

from __future__ import annotations

import secrets

from providers.consent import GoogleConsent
from providers.http import Outbound
from tests.providers.test_consent_picking import CALLBACK, NARROW, WHO, approve
from tests.sandboxes import Running


def application(google: Running, outbound: Outbound) -> GoogleConsent:
    """One that nobody has given anything yet."""
    return GoogleConsent(
        client_id=secrets.token_hex(8),
        client_secret="secret",
        auth_url=f"{google.url}/o/oauth2/v2/auth",
        token_url=f"{google.url}/token",
        revoke_url=f"{google.url}/revoke",
        userinfo_url=f"{google.url}/oauth2/v3/userinfo",
        scopes=(NARROW, *WHO.split()),
        outbound=outbound,
    )


class Narrow:
    """The teacher's tokens at that application. Satisfies `providers.http.Tokens`."""

    def __init__(self, consent: GoogleConsent) -> None:
        self._consent = consent
        self._grant = b""
        self._token = ""

    async def token(self, *, fresh: bool = False) -> str:
        """A live token, of a consent that is given with the first one."""
        if not self._grant:
            url, flow = await self._consent.authorize(CALLBACK, "s")
            self._grant = (await self._consent.exchange(flow, await approve(url))).data
        if fresh or not self._token:
            self._token = (await self._consent.renew(self._grant)).token
        return self._token
