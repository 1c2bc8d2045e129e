"""The route table: everything that is served under /v1, in one place, as data."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from gateway.api import (
    openapi,
    routes_account,
    routes_approvals,
    routes_drives,
    routes_erasures,
    routes_jobs,
    routes_preflight,
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
    *routes_approvals.ROUTES,
)


def openapi_document(server: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of this table; ``server`` is the public address."""
    return openapi.document(ROUTES, version=version("file-access-gateway"), server=server)
