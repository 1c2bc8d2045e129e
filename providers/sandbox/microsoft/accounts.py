"""Who has which drive: school (business) and personal accounts, libraries of sites; their ids, tenants and quotas.

The kind of account is a property of the person's school: whoever belongs to one of PERSONAL signs in with a personal
Microsoft account, everyone else with a work or school account in the tenant of their school.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Protocol
from urllib.parse import quote

from providers.sandbox.behaviours import behaviour
from providers.sandbox.people import Person

PERSONAL = ("hillcrest", "home")
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
GIB = 1 << 30


@cache
def tenant(school: str) -> str:
    """The tenant id of a school; one id for everybody who signs in with a personal account."""
    return CONSUMERS if school in PERSONAL else str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{school}.example"))


class Holder(Protocol):
    """What a drive belongs to: a person's `Account`, or a `Library` of a site."""

    @property
    def personal(self) -> bool:
        """A personal Microsoft account; otherwise a school's."""

    @property
    def drive_type(self) -> str:
        """personal, business or documentLibrary."""

    @property
    def tid(self) -> str:
        """The tenant."""

    @property
    def web(self) -> str:
        """Where a browser finds the root."""

    @property
    def drive_name(self) -> str:
        """What the drive is called."""

    @property
    def identity(self) -> dict[str, Any]:
        """An identitySet of the owner."""


@dataclass(frozen=True)
class Account:
    """A person as Microsoft sees them; each value is worked out once. ``tid``, ``oid``: tenant and object id."""

    person: Person

    @cached_property
    def personal(self) -> bool:
        """A personal Microsoft account; otherwise a work or school account."""
        return self.person.school in PERSONAL

    @cached_property
    @behaviour("documented", "driveType is 'personal' or 'business'; all personal accounts share one tenant id.")
    def drive_type(self) -> str:
        """What Graph calls the kind."""
        return "personal" if self.personal else "business"

    @cached_property
    def tid(self) -> str:
        """The tenant."""
        return tenant(self.person.school)

    @cached_property
    def cid(self) -> str:
        """Sixteen hex digits that personal ids are made of."""
        return hashlib.sha256(self.person.email.encode()).hexdigest()[:16]

    @cached_property
    def oid(self) -> str:
        """The object id within the tenant."""
        if self.personal:
            return f"00000000-0000-0000-{self.cid[:4]}-{self.cid[4:]}"
        return str(uuid.uuid5(uuid.UUID(self.tid), self.person.email))

    @cached_property
    def user_id(self) -> str:
        """What /me calls the person."""
        return self.cid if self.personal else self.oid

    @cached_property
    def drive_id(self) -> str:
        """The id of the person's one drive."""
        if self.personal:
            return self.cid
        digest = hashlib.sha512(self.person.email.encode()).digest()[:48]
        return "b!" + base64.urlsafe_b64encode(digest).decode()

    @cached_property
    @behaviour("assumed", "A personal drive holds 5 GiB, a school's 1 TiB, unless the state says otherwise.")
    def total(self) -> int:
        """The quota in bytes."""
        return 5 * GIB if self.personal else 1024 * GIB

    @cached_property
    def web(self) -> str:
        """Where a browser finds the root."""
        host = "onedrive.live.com" if self.personal else f"{self.person.school}-my.sharepoint.com"
        return f"https://{host}/personal/{self.user_id}/Documents"

    @cached_property
    def drive_name(self) -> str:
        """What the drive is called."""
        return "OneDrive"

    @cached_property
    def identity(self) -> dict[str, Any]:
        """An identitySet."""
        return {"user": {"displayName": self.person.name, "id": self.user_id}}


@dataclass(frozen=True, slots=True)
class Library:
    """A document library of a site. ``site`` is the site's document, ``name`` the library's ('Documents')."""

    site: Mapping[str, Any]
    name: str

    personal = False
    drive_type = "documentLibrary"

    @property
    def tid(self) -> str:
        """The tenant of the site's school."""
        return tenant(self.site["school"])

    @property
    def drive_id(self) -> str:
        """The library's id as a drive."""
        digest = hashlib.sha512(f"{self.site['id']}/{self.name}".encode()).digest()[:48]
        return "b!" + base64.urlsafe_b64encode(digest).decode()

    @property
    def web(self) -> str:
        """Where a browser finds the root."""
        return f"{self.site['web']}/{quote(self.name)}"

    @property
    def drive_name(self) -> str:
        """What the drive is called."""
        return self.name

    @property
    @behaviour("assumed", "A library's owner is told as a name without an id.")
    def identity(self) -> dict[str, Any]:
        """An identitySet of the group that owns the site."""
        return {"user": {"displayName": f"{self.site['title']} Owners"}}


def item_id(drive: str, number: int) -> str:
    """The id of a drive's n-th item: '4F1C…!101' in a personal drive, '01' and 32 base-32 letters in a school's."""
    if not drive.startswith("b!"):
        return f"{drive.upper()}!{number}"
    digest = hashlib.sha256(f"{drive}/{number}".encode()).digest()[:20]
    return "01" + base64.b32encode(digest).decode()
