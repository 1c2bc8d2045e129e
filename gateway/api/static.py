"""Static files: exactly those that were in the folder at the start, by name. No path is ever put together."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from gateway.api.problems import Problem


def routes(folder: Path) -> list[web.RouteDef]:
    """The route of everything below ``folder``, with an ETag and revalidation; other names are 404 like all else."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}

    async def serve(request: web.Request) -> web.StreamResponse:
        path = files.get(request.match_info["name"])
        if path is None:
            raise Problem(404, "not_found")
        return web.FileResponse(path, headers={"Cache-Control": "no-cache"})

    return [web.get("/static/{name:.+}", serve)]
