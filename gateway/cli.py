"""The command `file-access`: serve, work, stand in for the vendors, and print what the deployment looks like."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
from collections.abc import Coroutine
from importlib import import_module
from typing import Any, Final

import click

from gateway.commands.keys import keys
from gateway.commands.lawful import lawful
from gateway.commands.ledger import ledger
from gateway.commands.receipts import receipts
from gateway.commands.records import records
from gateway.commands.refusing import refuse
from providers.sandbox.__main__ import cli as sandbox

COMMANDS: Final = {"incidents": "gateway.commands.incidents", "contain": "gateway.commands.contain"}
"""Groups of commands that live in modules of their own, each under its name there."""


class Groups(click.Group):
    """Loads the groups of `COMMANDS` when they are asked for: what only stands in for a vendor needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return sorted([*super().list_commands(ctx), *COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        return found


@click.group(cls=Groups, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="file-access-gateway")
def main() -> None:
    """File Access Gateway: open, move and forget files across Google Drive, OneDrive and the school's own drive.

    Settings come from the environment (FILE_ACCESS_...) and from the file that FILE_ACCESS_CONFIG names;
    `file-access settings` lists them all.
    """


@main.command()
@click.option("--no-worker", is_flag=True, help="Only the API and the pages; jobs are done by `file-access worker`.")
def serve(no_worker: bool) -> None:
    """Serve the API and the pages, with worker and sweeper in the same process."""
    _run(api=True, work=not no_worker)


@main.command()
def worker() -> None:
    """Do jobs and sweep, without the API. Needs PostgreSQL: a SQLite database belongs to one process."""
    _run(api=False, work=True)


def _run(*, api: bool, work: bool) -> None:
    gc.disable()  # what is imported stays: to look for garbage among it was a fifth of a start
    from gateway.app import run
    from gateway.logs import configure
    from gateway.safety import UnsafeSettings, load
    from gateway.stores import StartRefused

    gc.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys and tokens
    try:
        settings = load()
        configure(settings.log_level)
        _loop(run(settings, api=api, work=work))
    except UnsafeSettings as error:
        refuse(f"these settings are not safe to use:\n{error}")
    except StartRefused as error:
        refuse(str(error))
    except KeyboardInterrupt:
        pass


def _loop(work: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(work)


@main.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document of the API."""
    from gateway.api.table import openapi_document

    click.echo(json.dumps(openapi_document("/"), indent=2, ensure_ascii=False))


@main.command("settings")
def list_settings() -> None:
    """Print every setting with its default and meaning, as Markdown."""
    from gateway.settings import describe

    click.echo(describe(), nl=False)


main.add_command(keys)
main.add_command(records)
main.add_command(lawful)
main.add_command(ledger)
main.add_command(receipts)
main.add_command(sandbox, "sandbox")
