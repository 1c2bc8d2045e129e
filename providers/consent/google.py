"""Google's consent: google-auth-oauthlib builds the request (PKCE S256, offline), aiohttp exchanges and refreshes.

Source: Google's OAuth 2.0 guide for web server applications, OpenID Connect's userinfo, and Google's guide to the
picker for desktop and mobile apps. Revoking drops the application's whole grant for that person, whichever connection
it is done for. What a person picks is granted to the application and the person, not to one token.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from google_auth_oauthlib.flow import Flow

from providers.consent.answers import decline, meaning, token_answer, unavailable
from providers.consent.flow import Access, Authoriser, Grant, GrantKeeper
from providers.errors import Reconnect, Refused, Untrusted
from providers.http import Outbound, Tokens, decoded

_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_LIMIT = 64 * 1024
_DRIVE = "https://www.googleapis.com/auth/drive"
_PICKED = f"{_DRIVE}.file"
_ID = re.compile(r"[\w-]{1,200}", re.ASCII)
MOST_PICKED = 1000
"""So many items are taken from one answer of the picker."""


@dataclass(frozen=True, slots=True, repr=False)
class GoogleConsent:
    """The Google application: its id and secret, Google's addresses, and the scopes that are asked for."""

    client_id: str
    client_secret: str
    auth_url: str
    token_url: str
    revoke_url: str
    userinfo_url: str
    scopes: Iterable[str]
    outbound: Outbound

    async def authorize(self, redirect_uri: str, state: str) -> tuple[str, bytes]:
        """See `OAuthClient`. Consent is always asked for: only then Google gives a refresh token every time."""
        asked = {"access_type": "offline", "prompt": "consent select_account"}
        return self._page(self.scopes, redirect_uri, state, asked, {})

    async def pick(self, redirect_uri: str, state: str, label: str) -> tuple[str, bytes]:
        """The address of Google's picker for the account ``label`` (`Grant.label`), and what `picked` will need.

        For drive.file, whose grant it widens. The picker takes no other scope beside it, and what comes back gives no
        refresh token: of those Google keeps a hundred, and each new one might end the connection's own.
        """
        asked = {"access_type": "online", "prompt": "consent", "login_hint": label}
        asked |= {"trigger_onepick": "true", "allow_multiple": "true", "allow_folder_selection": "true"}
        return self._page([_PICKED], redirect_uri, state, asked, {"label": label})

    def _page(
        self, scopes: Iterable[str], redirect_uri: str, state: str, asked: Mapping[str, str], kept: Mapping[str, str]
    ) -> tuple[str, bytes]:
        """Google's page for these scopes, and the secret of its answer."""
        scheme = self.auth_url.partition(":")[0]  # oauthlib builds https only; a stand-in on loopback may have none
        config = {
            "web": {
                "client_id": self.client_id,
                "client_secret": self.client_secret,
                "auth_uri": "https" + self.auth_url[len(scheme) :],
                "token_uri": self.token_url,
            }
        }
        flow = Flow.from_client_config(config, scopes=list(scopes), autogenerate_code_verifier=True)
        flow.redirect_uri = redirect_uri
        url, _ = flow.authorization_url(state=state, **asked)
        secret = {"state": state, "verifier": flow.code_verifier, "redirect_uri": redirect_uri, **kept}
        return scheme + url[len("https") :], json.dumps(secret).encode()

    async def exchange(self, flow: bytes, params: Mapping[str, str]) -> Grant:
        """See `OAuthClient`. Refused where a scope that the drive needs was not granted."""
        told = await self._exchanged(flow, params)
        _granted(told, {scope for scope in self.scopes if scope.startswith(_DRIVE)})
        if not isinstance(told.get("refresh_token"), str):
            raise Reconnect("no refresh token was given", reason="no_refresh_token")
        account, label = await self._userinfo(told["access_token"])
        return Grant(_grant(told["refresh_token"]), label, account)

    async def picked(self, flow: bytes, params: Mapping[str, str]) -> list[str]:
        """The ids of the items that were picked, which the account's drive sees from now on; none where none were.

        Errors as of `OAuthClient.exchange`; Refused with the reason 'account' where somebody else picked.
        """
        told = await self._exchanged(flow, params)
        _granted(told, {_PICKED})
        if (await self._address(told["access_token"])).casefold() != json.loads(flow)["label"].casefold():
            raise Refused("another account picked", reason="account")
        found = [one for one in params.get("picked_file_ids", "").split(",") if one]
        if len(found) > MOST_PICKED or not all(_ID.fullmatch(one) for one in found):
            raise Untrusted("the picker's answer holds no ids", reason="picked")
        return list(dict.fromkeys(found))

    async def _exchanged(self, flow: bytes, params: Mapping[str, str]) -> dict[str, Any]:
        kept = json.loads(flow)
        decline(kept["state"], params)
        return await self._token(
            grant_type="authorization_code",
            code=params.get("code", ""),
            code_verifier=kept["verifier"],
            redirect_uri=kept["redirect_uri"],
        )

    async def _address(self, token: str) -> str:
        """Whose token it is, asked of Drive: a token of the picker may ask nobody else."""
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        reply = await self.outbound.fetch("GET", self._about, headers=headers, limit=_LIMIT)
        unavailable(reply)
        told = decoded(reply)
        user = told.get("user") if reply.ok and isinstance(told, Mapping) else None
        address = user.get("emailAddress") if isinstance(user, Mapping) else None
        if not isinstance(address, str) or not address:
            raise Untrusted("the provider does not say whose account it is", reason="about")
        return address

    @property
    def _about(self) -> str:
        """Drive answers below the same root as userinfo."""
        root = self.userinfo_url.partition("/oauth2/")[0]
        return f"{root}/drive/v3/about?{urlencode({'fields': 'user(emailAddress)'})}"

    async def _userinfo(self, token: str) -> tuple[str, str]:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        reply = await self.outbound.fetch("GET", self.userinfo_url, headers=headers, limit=_LIMIT)
        unavailable(reply)
        told = decoded(reply)
        if not reply.ok or not isinstance(told, Mapping):
            raise Untrusted("the provider does not say whose account it is", reason="userinfo")
        subject, email = told.get("sub"), told.get("email")
        if not isinstance(subject, str) or not subject or not isinstance(email, str) or not email:
            raise Untrusted("the provider does not say whose account it is", reason="userinfo")
        return subject, email

    def authoriser(self, keeper: GrantKeeper) -> Tokens:
        """See `OAuthClient`."""
        return Authoriser(self, keeper)

    async def renew(self, grant: bytes) -> Access:
        """See `Renewer`. Google's refresh tokens do not rotate, but a new one is kept where it comes."""
        refresh = json.loads(grant)["refresh_token"]
        told = await self._token(grant_type="refresh_token", refresh_token=refresh)
        new = told.get("refresh_token")
        kept = _grant(new) if isinstance(new, str) and new != refresh else grant
        return Access(told["access_token"], time.time() + _seconds(told), kept)

    async def revoke(self, data: bytes) -> bool:
        """See `OAuthClient`. A grant that is gone already is fine."""
        form = urlencode({"token": json.loads(data)["refresh_token"]}).encode()
        reply = await self.outbound.fetch("POST", self.revoke_url, headers=_FORM, data=form, limit=_LIMIT)
        unavailable(reply)
        if reply.ok or (reply.status == 400 and b"invalid_token" in reply.body):
            return True
        raise meaning({})

    async def _token(self, **form: str) -> dict[str, Any]:
        body = urlencode({**form, "client_id": self.client_id, "client_secret": self.client_secret}).encode()
        reply = await self.outbound.fetch("POST", self.token_url, headers=_FORM, data=body, limit=_LIMIT)
        told = token_answer(reply)
        if not isinstance(told.get("access_token"), str):
            raise Untrusted("the token answer holds no access token", reason="access_token")
        return told


def _grant(refresh_token: str) -> bytes:
    return json.dumps({"refresh_token": refresh_token}).encode()


def _granted(told: Mapping[str, Any], needed: set[str]) -> None:
    """Refused where a box was unticked. The whole drive includes what is picked of it."""
    granted = set(str(told.get("scope", "")).split())
    if not needed <= (granted | {_PICKED} if _DRIVE in granted else granted):
        raise Refused("not all that is needed was granted", reason="scopes")


def _seconds(told: Mapping[str, Any]) -> float:
    value = told.get("expires_in")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 3600.0
