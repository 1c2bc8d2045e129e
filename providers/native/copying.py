"""A copy inside one drive: another file over the same sealed objects. They go when the last file that has them goes."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Vault
from providers.drive import NewFile, Ref
from providers.errors import Refused
from providers.native import owners
from providers.native.content import share_parts
from providers.native.entries import is_id, moment, new_id
from providers.native.filing import Filing
from providers.native.traits import Allowance
from providers.native.tree import Node, Tree


async def copied(
    tx: AsyncConnection, vault: Vault, tree: Tree, allowance: Allowance, node: Node, new: tuple[Ref, str, str | None]
) -> Node:
    """A copy of a file in a tree that is held; ``new``: its folder, name and id. It counts in full, since it lives on.

    NameTaken, NotFound, QuotaFull, Refused.
    """
    parent, name, made = new
    if made is not None and not is_id(made):
        raise Refused("not an id of this drive", reason="bad_id")
    digest = tree.fields.unseal("native_versions", "sha256", node.version, node.sha256)
    spec = NewFile(parent, name, tree.media_type(node), node.size, moment(node.modified), id=made)
    filing, version = Filing(vault, tree, allowance.versions), new_id()
    plan = await filing.plan(tx, spec, digest)
    if plan.repeats and plan.old is not None:
        return plan.old
    await share_parts(tx, tree.scope, node.version, version)
    await owners.settle(tx, tree.scope, allowance, await owners.add(tx, tree.scope, node.size))
    return await filing.file(tx, plan, spec, version, node.size, digest)
