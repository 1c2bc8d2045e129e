"""Who has which drive: school (business) and personal accounts, their ids, tenants and quotas.

The kind of account is a property of the person's school: whoever belongs to one of PERSONAL signs in with a personal
Microsoft account, everyone else with a work or school account in the tenant of their school.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass

from providers.sandbox.behaviours import behaviour
from providers.sandbox.people import Person

PERSONAL = ("hillcrest", "home")
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Account:
    """A person as Microsoft sees them. ``tid`` and ``oid`` are tenant and object id, as in tokens."""

    person: Person

    @property
    def personal(self) -> bool:
        """A personal Microsoft account; otherwise a work or school account."""
        return self.person.school in PERSONAL

    @property
    @behaviour("documented", "driveType is 'personal' or 'business'; all personal accounts share one tenant id.")
    def drive_type(self) -> str:
        """What Graph calls the kind."""
        return "personal" if self.personal else "business"

    @property
    def tid(self) -> str:
        """The tenant."""
        return CONSUMERS if self.personal else str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.person.school}.example"))

    @property
    def cid(self) -> str:
        """Sixteen hex digits that personal ids are made of."""
        return hashlib.sha256(self.person.email.encode()).hexdigest()[:16]

    @property
    def oid(self) -> str:
        """The object id within the tenant."""
        if self.personal:
            return f"00000000-0000-0000-{self.cid[:4]}-{self.cid[4:]}"
        return str(uuid.uuid5(uuid.UUID(self.tid), self.person.email))

    @property
    def user_id(self) -> str:
        """What /me calls the person."""
        return self.cid if self.personal else self.oid

    @property
    def drive_id(self) -> str:
        """The id of the person's one drive."""
        if self.personal:
            return self.cid
        digest = hashlib.sha512(self.person.email.encode()).digest()[:48]
        return "b!" + base64.urlsafe_b64encode(digest).decode()

    @property
    @behaviour("assumed", "A personal drive holds 5 GiB, a school's 1 TiB, unless the state says otherwise.")
    def total(self) -> int:
        """The quota in bytes."""
        return 5 * GIB if self.personal else 1024 * GIB


def item_id(drive: str, number: int) -> str:
    """The id of a drive's n-th item: '4F1C…!101' in a personal drive, '01' and 32 base-32 letters in a school's."""
    if not drive.startswith("b!"):
        return f"{drive.upper()}!{number}"
    digest = hashlib.sha256(f"{drive}/{number}".encode()).digest()[:20]
    return "01" + base64.b32encode(digest).decode()
