"""What makes a configuration unsafe, as sentences that say what to change. Only the settings are looked at.

The rule behind most of them: whatever leaves this machine is encrypted, and a stand-in never meets the public.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError
from pydantic_settings import SettingsError

from cache.kms_address import KmsAddress
from cache.redis_address import Address
from gateway.addresses import is_loopback, is_on_this_machine, is_plain
from gateway.db.address import BadDatabaseUrl, parse
from gateway.settings import CONFIG, PREFIX, Settings, unknown


class UnsafeSettings(ValueError):
    """The settings cannot be used. Each of ``problems`` names a setting and what to change; none repeats a value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(f"- {problem}" for problem in problems))
        self.problems = problems


def load(**given: Any) -> Settings:
    """The settings of this process, proven safe for every command. UnsafeSettings with all problems at once."""
    try:
        settings = Settings(**given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise UnsafeSettings([f"{_name(item['loc'])}: {item['msg']}" for item in found]) from None
    except SettingsError as error:
        raise UnsafeSettings([f"{_unreadable(str(error))}: must be JSON"]) from None
    except (OSError, ValueError):
        raise UnsafeSettings([f"{CONFIG}: the file cannot be read, or is not TOML or a list of NAME=value"]) from None
    problems = [f"{name}: there is no such setting; is it misspelt?" for name in unknown(os.environ)]
    problems += hazards(settings)
    if problems:
        raise UnsafeSettings(problems)
    return settings


def _name(place: tuple[int | str, ...]) -> str:
    return PREFIX + "__".join(str(part) for part in place).upper()


def _unreadable(message: str) -> str:
    found = re.search(r'field "(\w+)"', message)  # the library tells the field in words only
    return f"{PREFIX}{found[1].upper()}" if found else CONFIG


def hazards(settings: Settings) -> list[str]:
    """Every problem for any command; `serving` adds those that only matter to `serve`."""
    stores = [*_database(settings), *_blobs(settings), *_keys(settings), *_redis(settings), *_lives(settings)]
    return [*_outside(settings), *stores, *_providers(settings)]


def serving(settings: Settings) -> list[str]:
    """What stops `serve`: nobody could sign in, or anybody could."""
    return [*_listening(settings), *_identity(settings)]


def _clear(url: str) -> bool:
    """Whether what is said to this address could be read on the way."""
    return urlsplit(url).scheme != "https" and not is_on_this_machine(url)


def _outside(settings: Settings) -> Iterator[str]:
    google, microsoft = settings.google, settings.microsoft
    asked = {
        "GOOGLE__API_ROOT": google.api_root,
        "GOOGLE__AUTH_URL": google.auth_url,
        "GOOGLE__TOKEN_URL": google.token_url,
        "GOOGLE__REVOKE_URL": google.revoke_url,
        "MICROSOFT__AUTHORITY": microsoft.authority,
        "MICROSOFT__GRAPH_ROOT": microsoft.graph_root,
    }
    for name, url in asked.items():
        if _clear(url):
            yield f"FILE_ACCESS_{name}: a provider that is not on this machine must be reached by https"
    if _clear(settings.public_url):
        yield "FILE_ACCESS_PUBLIC_URL: a public address must begin with https"


def _lives(settings: Settings) -> Iterator[str]:
    if settings.cache_seconds > settings.cache_ceiling_seconds:
        yield "FILE_ACCESS_CACHE_SECONDS: must not be more than FILE_ACCESS_CACHE_CEILING_SECONDS"


def _database(settings: Settings) -> Iterator[str]:
    try:
        address = parse(settings.database_url.get_secret_value())
    except BadDatabaseUrl as error:
        yield f"FILE_ACCESS_DATABASE_URL: {error}"
        return
    if not address.local and not address.encrypted:
        yield "FILE_ACCESS_DATABASE_URL: PostgreSQL on another machine needs ?sslmode=verify-full"


def _blobs(settings: Settings) -> Iterator[str]:
    parts = urlsplit(settings.blobs_url.get_secret_value())
    if parts.scheme == "s3":
        for endpoint in parse_qs(parts.query).get("endpoint", []):
            if not is_plain(endpoint) or _clear(endpoint):
                yield "FILE_ACCESS_BLOBS_URL: an S3 endpoint that is not on this machine must begin with https"
    elif parts.scheme != "file":
        yield "FILE_ACCESS_BLOBS_URL: must be file:///path or s3://bucket/prefix"


def _keys(settings: Settings) -> Iterator[str]:
    folder = settings.data_dir.resolve()
    for name, path in (
        ("ROOT_KEY_FILE", settings.root_key_file),
        ("EXPIRY_DIR", settings.expiry_dir),
        ("JOURNAL_DIR", settings.journal_dir),
    ):
        if path is not None and _inside(path, folder):
            yield f"FILE_ACCESS_{name}: must lie outside the data folder, or a copy of the folder holds key and data"
    if settings.root_key is not None and settings.root_key_file is not None:
        yield "FILE_ACCESS_ROOT_KEY: give either the key or FILE_ACCESS_ROOT_KEY_FILE, not both"
    if settings.root_kms:
        try:
            KmsAddress.parse(settings.root_kms)
        except ValueError as error:
            yield f"FILE_ACCESS_ROOT_KMS: {error}"


def _redis(settings: Settings) -> Iterator[str]:
    url = settings.expiry_url.get_secret_value()
    if not url:
        return
    try:
        address = Address.parse(url)
    except ValueError as error:
        yield f"FILE_ACCESS_EXPIRY_URL: {error}"
        return
    if not address.encrypted and not is_loopback(address.host):
        yield "FILE_ACCESS_EXPIRY_URL: a Redis on another machine must be reached by rediss (TLS)"
    if not address.password and not is_loopback(address.host):
        yield "FILE_ACCESS_EXPIRY_URL: a Redis on another machine needs a user and a password"
    if settings.expiry_dir is not None:
        yield "FILE_ACCESS_EXPIRY_URL: give either Redis or FILE_ACCESS_EXPIRY_DIR, not both"


def _inside(path: Path, folder: Path) -> bool:
    return path.absolute().resolve().is_relative_to(folder)


def _providers(settings: Settings) -> Iterator[str]:
    seen: set[str] = set()
    for number, provider in enumerate(settings.identity_providers):
        name = f"FILE_ACCESS_IDENTITY_PROVIDERS[{number}]"
        if any(_clear(place) for place in (provider.issuer, *provider.origins)):
            yield f"{name}: a provider that is not on this machine must begin with https"
        if provider.issuer in seen:
            yield f"{name}: this issuer is listed twice; put its schools into one entry"
        seen.add(provider.issuer)
        for school in provider.schools.values():
            if school.region != settings.region:
                yield f"{name}: a school belongs to another region; this deployment serves one region only"
                break


def _listening(settings: Settings) -> Iterator[str]:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        yield "FILE_ACCESS_TLS_CERT and FILE_ACCESS_TLS_KEY belong together"
    if not is_loopback(settings.host) and settings.tls_cert is None and not settings.behind_proxy:
        yield (
            "FILE_ACCESS_HOST: listening beyond this machine needs FILE_ACCESS_TLS_CERT and FILE_ACCESS_TLS_KEY, "
            "or FILE_ACCESS_BEHIND_PROXY=true where a proxy in front ends TLS"
        )


def is_public(settings: Settings) -> bool:
    """Whether anybody but this machine can come here."""
    return not is_on_this_machine(settings.public_url) or not (is_loopback(settings.host) or settings.behind_proxy)


def _identity(settings: Settings) -> Iterator[str]:
    if not settings.identity_providers:
        yield "FILE_ACCESS_IDENTITY_PROVIDERS: nobody could sign in; there is no default. Name your school's provider"
    for provider in settings.identity_providers:
        if is_public(settings) and (provider.sandbox or is_on_this_machine(provider.issuer)):
            yield "FILE_ACCESS_IDENTITY_PROVIDERS: the sandbox signs anybody in, so it is refused on a public address"
