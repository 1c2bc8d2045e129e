"""The route table: everything that is served under /v1, in one place, as data."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from gateway.api import (
    openapi,
    routes_account,
    routes_affected,
    routes_approvals,
    routes_containment,
    routes_drives,
    routes_erasures,
    routes_exports,
    routes_guardians,
    routes_holds,
    routes_incidents,
    routes_jobs,
    routes_lawful,
    routes_ledger,
    routes_notices,
    routes_preflight,
    routes_records,
    routes_rights,
    routes_school,
    routes_uploads,
    routes_verbs,
)
from gateway.api.routing import Route

ROUTES: tuple[Route, ...] = (
    *routes_account.ROUTES,
    *routes_erasures.ROUTES,
    *routes_drives.ROUTES,
    *routes_verbs.ROUTES,
    *routes_uploads.ROUTES,
    *routes_preflight.ROUTES,
    *routes_jobs.ROUTES,
    *routes_school.ROUTES,
    *routes_records.ROUTES,
    *routes_rights.ROUTES,
    *routes_exports.ROUTES,
    *routes_guardians.ROUTES,
    *routes_notices.ROUTES,
    *routes_containment.ROUTES,
    *routes_incidents.ROUTES,
    *routes_affected.ROUTES,
    *routes_ledger.ROUTES,
    *routes_lawful.ROUTES,
    *routes_holds.ROUTES,
    *routes_approvals.ROUTES,
)


def openapi_document(server: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of this table; ``server`` is the public address."""
    return openapi.document(ROUTES, version=version("file-access-gateway"), server=server)
