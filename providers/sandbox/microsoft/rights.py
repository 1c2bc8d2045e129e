"""Who may do what: one's own drive, the libraries of sites one belongs to, and what others have shared."""

from __future__ import annotations

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused
from providers.sandbox.microsoft.accounts import Account
from providers.sandbox.microsoft.sites import RIGHTS, Sites
from providers.sandbox.microsoft.tree import Doc, Tree

READ, WRITE, OWNER = RIGHTS["read"], RIGHTS["write"], RIGHTS["owner"]


class Rights:
    """Rights over one tree. Shares: an item's id -> who shared it, with whom, and when."""

    def __init__(self, tree: Tree, sites: Sites) -> None:
        self._tree, self._sites = tree, sites
        self.shares = tree.box.store.table("shares")

    @behaviour("assumed", "A drive of which one may see nothing is 403 accessDenied, an unknown one 404 itemNotFound.")
    def drive(self, account: Account, wanted: str) -> str:
        """The id of another drive as it is kept, where the caller may see something of it."""
        drive = wanted if wanted in self._tree.drives else wanted.lower()
        if drive not in self._tree.drives:
            if any(Account(person).drive_id == drive for person in self._tree.box.people.all()):
                raise _denied()
            raise Refused(404, "itemNotFound", "The drive could not be found.")
        seen = self._level(account, drive) or any(
            self._tree.items[item]["drive"] == drive and account.person.email in row["with"]
            for item, row in self.shares.items()
        )
        if not seen:
            raise _denied()
        return drive

    @behaviour("documented", "A member of a site has its right in every library; a share reaches all that lies below.")
    def demand(self, account: Account, item: Doc, least: int) -> None:
        """Refused 403 where the caller's right to an item is smaller."""
        level = self._level(account, item["drive"])
        if level < least and self.shares:
            level = max(level, self._shared(account, item))
        if level < least:
            raise _denied()

    def share(self, item: Doc, people: list[str], right: str) -> None:
        """Shares an item with these addresses (none: with nobody any more); right: read or write."""
        if not people:
            self.shares.drop(item["id"])
            return
        row = {"by": self._tree.drives[item["drive"]]["owner"], "at": int(self._tree.box.now() * 1000)}
        self.shares.put(item["id"], row | {"with": dict.fromkeys(people, right)})

    @behaviour("documented", "sharedWithMe lists what others have shared with the caller, in one tenant.")
    def shared_with(self, account: Account) -> list[Doc]:
        """Living items that were shared with a person of the same tenant."""
        found = [self._tree.items[item] for item, row in self.shares.items() if account.person.email in row["with"]]
        alive = [one for one in found if self._tree.alive(one)]
        return [one for one in alive if self._tree.owner(one["drive"]).tid == account.tid]

    def _level(self, account: Account, drive: str) -> int:
        row = self._tree.drives[drive]
        if "site" in row:
            return self._sites.level(account, self._sites.rows[row["site"]])
        return OWNER if row["owner"] == account.person.email else 0

    def _shared(self, account: Account, item: Doc) -> int:
        rows = (self.shares.get(one["id"]) for one in self._tree.upwards(item))
        return max((RIGHTS[row["with"].get(account.person.email, "")] for row in rows if row), default=0)


def _denied() -> Refused:
    return Refused(403, "accessDenied", "The caller does not have permission to perform the action.")
