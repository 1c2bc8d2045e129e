"""SharePoint sites: their libraries, their members with rights, who follows them, and how Graph shows them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, Sandbox
from providers.sandbox.microsoft import names
from providers.sandbox.microsoft.accounts import Account, Library, tenant
from providers.sandbox.microsoft.tree import Doc, Tree
from providers.sandbox.microsoft.wire import moment

RIGHTS = {"": 0, "read": 1, "write": 2, "owner": 3}


class Sites:
    """The sites of one stand-in."""

    def __init__(self, box: Sandbox, tree: Tree) -> None:
        self.box, self._tree = box, tree
        self.rows, self._follows = tree.sites, box.store.table("follows")

    @behaviour("documented", "A site's id is its host, the id of its collection and the id of the site, by commas.")
    def make(self, school: str, path: str, title: str, members: Mapping[str, str], at: int) -> Doc:
        """A new site with one library, 'Documents'. ``members``: e-mail address -> read, write or owner (one must)."""
        host = f"{school}.sharepoint.com"
        collection, web = (uuid.uuid5(uuid.NAMESPACE_URL, f"{part}://{host}/{path}") for part in ("collection", "web"))
        site: Doc = {"id": f"{host},{collection},{web}", "school": school, "host": host, "path": path, "title": title}
        site |= {"web": f"https://{host}/sites/{path}", "members": dict(members), "created": at, "libraries": []}
        self.rows.put(site["id"], site)
        self.add_library(site["id"], "Documents")
        return self.rows[site["id"]]

    def add_library(self, site: str, name: str) -> str:
        """One more library of a site; its drive's id."""
        row = self.rows[site]
        drive = self._tree.library(Library(row, name))
        self.rows.merge(site, libraries=[*row["libraries"], drive])
        return drive

    def follow(self, account: Account, site: str) -> None:
        """From now on the person follows the site."""
        known = self._follows.get(account.person.email, {"sites": []})["sites"]
        self._follows.put(account.person.email, {"sites": [*(one for one in known if one != site), site]})

    def unfollow(self, account: Account, site: str) -> None:
        """Not any more."""
        known = self._follows.get(account.person.email, {"sites": []})["sites"]
        self._follows.put(account.person.email, {"sites": [one for one in known if one != site]})

    @behaviour("documented", "followedSites lists what the person follows; a personal account has no sites.")
    @behaviour("assumed", "A followed site that the person may no longer open is left out.")
    def followed(self, account: Account) -> list[Doc]:
        """What the person follows and may see."""
        _for_schools(account)
        known = self._follows.get(account.person.email, {"sites": []})["sites"]
        return [self.rows[one] for one in known if self.level(account, self.rows[one])]

    @behaviour("documented", "GET /sites?search= finds sites by their title among those that the person may open.")
    def search(self, account: Account, text: str) -> list[Doc]:
        """Sites whose title or path holds the text; '*' or nothing finds all."""
        _for_schools(account)
        wanted = names.key(text.strip("*"))
        seen = (one for one in self.rows.values() if self.level(account, one))
        return [one for one in seen if wanted in names.key(one["title"]) or wanted in one["path"]]

    @behaviour("documented", "A site is addressed by its id, or by its host and path: /sites/HOST:/sites/PATH.")
    @behaviour("assumed", "A site of another tenant is 404 itemNotFound, one without membership 403 accessDenied.")
    def find(self, account: Account, wanted: str) -> Doc:
        """The site of an id, or of 'HOST:/sites/PATH'."""
        _for_schools(account)
        host, found, path = wanted.partition(":/sites/")
        key = names.key(wanted)
        site = next((one for one in self.rows.values() if names.key(one["id"]) == key), None)
        if found:
            site = next((one for one in self.rows.values() if (one["host"], one["path"]) == (host.lower(), path)), None)
        if site is None or tenant(site["school"]) != account.tid:
            raise Refused(404, "itemNotFound", "Requested site could not be found.")
        if not self.level(account, site):
            raise Refused(403, "accessDenied", "Access denied.")
        return site

    @staticmethod
    def level(account: Account, site: Doc) -> int:
        """0 or one of RIGHTS."""
        return RIGHTS[site["members"].get(account.person.email, "")]

    @behaviour("schema", "A site has displayName, name, webUrl, root and siteCollection.")
    def render(self, site: Doc) -> dict[str, Any]:
        """A site as Graph shows it."""
        at = moment(site["created"], Library(site, ""))
        doc: dict[str, Any] = {"createdDateTime": at, "lastModifiedDateTime": at, "description": "", "id": site["id"]}
        doc |= {"name": site["path"], "displayName": site["title"], "webUrl": site["web"], "root": {}}
        return doc | {"siteCollection": {"hostname": site["host"]}}


def _for_schools(account: Account) -> None:
    if account.personal:
        raise Refused(400, "invalidRequest/notSupported", "This API is not supported for personal accounts.")
