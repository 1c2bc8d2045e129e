"""How this stand-in behaves where Microsoft leaves it open: settings and states of items, for tests and people.

GET|POST /_sandbox/microsoft         shows or changes `Settings`; what is not named stays
POST     /_sandbox/microsoft/items   {"drive": id or e-mail address, "path": "a/b"} and any of the STATES, or
                                     {"fill": n}: n empty files in that folder
POST     /_sandbox/microsoft/follow  {"user": e-mail address, "site": path, "follow": bool}
POST     /_sandbox/microsoft/share   {"drive": …, "path": …, "with": [addresses], "right": "read"|"write"}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, get_type_hints

from providers.sandbox.store import Table

STATES = {
    "locked": str,  # 'editor': open in an editor; an address: checked out by that person; '': free
    "malware": bool,  # the malware facet; its content is 403 malwareDetected
    "hashless": bool,  # no hashes
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds unless they say ms.

    ``strict_names``: schools in whose tenants no name may hold # or %.
    ``rewrites``: the drive types whose Office, PDF and HTML files are changed after upload.
    ``hold``: school -> {"status", "retry_after"?, "requests"?}: its requests are refused so, at most so many.
    ``limits``: school -> {"requests", "window"}: per app, with RateLimit headers from four fifths on.
    ``discards``: of what is uploaded only size and hashes are kept, for measurements; it cannot be read.
    ``policies``: school or e-mail address -> one of `policies.POLICIES`, at sign-in.
    """

    session_ttl: int = 86400
    address_ttl: int = 3600
    delta_ttl: int = 30 * 86400
    delta_repeats: bool = False
    delta_shuffled: bool = False
    rewrites: list[str] = field(default_factory=lambda: ["documentLibrary"])
    rewrite_ms: int = 200
    hashes: bool = True
    discards: bool = False
    sharing_ended: bool = False
    versions_kept: int = 500
    strict_names: list[str] = field(default_factory=list)
    hold: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    policies: dict[str, Any] = field(default_factory=dict)


class Kept:
    """The settings of one stand-in, kept over a restart. ``now``: the settings as they are."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.now = Settings(**table.get("settings", {}))

    def change(self, **changes: Any) -> Settings:
        """Changes some; the settings now. ValueError for an unknown or ill-typed one."""
        types = get_type_hints(Settings)
        for name, value in changes.items():
            kind = getattr(types.get(name), "__origin__", types.get(name))
            if kind is None or type(value) is not kind:
                raise ValueError(f"unknown or ill-typed setting {name!r}")
        self.now = replace(self.now, **changes)
        self._table.put("settings", asdict(self.now))
        return self.now
