"""From settings to drives and consents: which providers are offered, where they answer, how their drives are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import Final

from cache.vault import Scope, Vault
from gateway.db.engine import Database
from gateway.drives import Maker, Reach
from gateway.identity.accounts import Accounts
from gateway.pacing import Paces
from gateway.settings import Settings
from providers import google, native, onedrive
from providers.consent import GoogleConsent, MicrosoftConsent, OAuthClient, is_personal
from providers.drive import Drive
from providers.google import GoogleApi, GoogleDrive
from providers.http import Outbound
from providers.native import NativeDrive
from providers.onedrive import OneDrive, PersonalOneDrive

USERINFO: Final = "/oauth2/v3/userinfo"
_PICKED: Final = "https://www.googleapis.com/auth/drive.file"
_WHOLE: Final = frozenset({"https://www.googleapis.com/auth/drive", "https://www.googleapis.com/auth/drive.readonly"})


def roots(settings: Settings) -> list[str]:
    """Every address that the gateway may reach."""
    return list(settings.outside)


def consents(settings: Settings, outbound: Outbound) -> dict[str, OAuthClient]:
    """The consent of each provider whose client id is set."""
    offered: dict[str, OAuthClient] = {}
    if settings.google.client_id:
        offered["google"] = GoogleConsent(
            client_id=settings.google.client_id,
            client_secret=settings.google.client_secret.get_secret_value(),
            auth_url=settings.google.auth_url,
            token_url=settings.google.token_url,
            revoke_url=settings.google.revoke_url,
            userinfo_url=settings.google.api_root + USERINFO,
            scopes=settings.google.scopes,
            outbound=outbound,
        )
    if settings.microsoft.client_id:
        offered["microsoft"] = MicrosoftConsent(
            client_id=settings.microsoft.client_id,
            client_secret=settings.microsoft.client_secret.get_secret_value(),
            authority=settings.microsoft.authority,
            scopes=settings.microsoft.scopes,
            outbound=outbound,
        )
    return offered


def makers(
    settings: Settings, outbound: Outbound, accounts: Accounts, offered: Mapping[str, OAuthClient]
) -> dict[str, Maker]:
    """How the drives of connected accounts are made, by provider."""
    api = cache(lambda: GoogleApi(settings.google.api_root))  # 3 ms once, not for each drive
    google_paces, microsoft_paces = Paces(settings.google), Paces(settings.microsoft)
    reach = _reach(settings.google.scopes)

    def google_drive(scope: Scope, account: str) -> Drive:
        tokens = offered["google"].authoriser(accounts.keeper(scope, account))
        pace = google_paces.account(scope)
        return GoogleDrive(api(), outbound, tokens, pace=pace, picked=reach == "picked")

    def one_drive(scope: Scope, account: str, kind: type[OneDrive] = OneDrive) -> Drive:
        tokens = offered["microsoft"].authoriser(accounts.keeper(scope, account))
        pace = microsoft_paces.account(scope)
        return kind(outbound, tokens, graph_root=settings.microsoft.graph_root, pace=pace)

    at_home = partial(one_drive, kind=PersonalOneDrive)
    personal = Maker("onedrive", onedrive.PERSONAL_TRAITS, at_home, PersonalOneDrive)
    known = {
        "google": Maker("google", google.TRAITS, google_drive, GoogleDrive, reach),
        "microsoft": Maker(
            "onedrive", onedrive.TRAITS, one_drive, OneDrive,
            variant=lambda account: personal if is_personal(account.account) else None,
        ),
    }  # fmt: skip
    return {provider: maker for provider, maker in known.items() if provider in offered}


def native_maker(settings: Settings, vault: Vault, database: Database) -> Maker:
    """How a person's own native drive is made."""
    digests = native.Digests()
    allowance = native.Allowance(
        versions=settings.native_versions,
        bytes=settings.native_quota_bytes,
        school=settings.native_school_quota_bytes,
        trash_days=settings.trash_days,
    )

    def own_drive(scope: Scope, _drive: str) -> Drive:
        return NativeDrive(vault, database, scope, digests=digests, allowance=allowance)

    return Maker("native", native.TRAITS, own_drive, NativeDrive)


def _reach(scopes: Iterable[str]) -> Reach:
    """Whether the scopes that are asked for show a whole drive or only what its person picks."""
    asked = set(scopes)
    return "picked" if _PICKED in asked and not asked & _WHOLE else "all"
