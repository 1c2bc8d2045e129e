"""``python -m providers.sandbox google --state DIR --port 0``, ``… behaviours`` and ``… faults``."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from providers.sandbox.behaviours import behaviours
from providers.sandbox.core import VENDORS, main
from providers.sandbox.faults import printed


@click.group()
def cli() -> None:
    """Stand-in servers for Google Drive, OneDrive and LaunchPad sign-in."""


def _command(kind: str) -> None:
    @cli.command(kind, help=f"Serve the {kind} stand-in until SIGTERM.")
    @click.option(
        "--state", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for its state."
    )
    @click.option("--host", default="127.0.0.1", show_default=True)
    @click.option("--port", type=int, default=0, show_default=True, help="0 takes a free one.")
    @click.option("--tls-cert", type=click.Path(path_type=Path, exists=True), help="PEM certificate: serves HTTPS.")
    @click.option("--tls-key", type=click.Path(path_type=Path, exists=True), help="PEM key of the certificate.")
    @click.option("--seed/--no-seed", default=True, show_default=True, help="Class materials in a new state folder.")
    def run(state: Path, host: str, port: int, tls_cert: Path | None, tls_key: Path | None, seed: bool) -> None:
        if (tls_cert is None) != (tls_key is None):
            raise click.UsageError("--tls-cert and --tls-key belong together")
        tls = (tls_cert, tls_key) if tls_cert and tls_key else None
        main(kind, state=state, host=host, port=port, tls=tls, seed=seed)


for _kind in VENDORS:
    _command(_kind)


@cli.command("behaviours")
@click.argument("kind", required=False)
def show_behaviours(kind: str | None) -> None:
    """What the stand-ins do, and on which basis we believe the vendors do it too."""
    for name, target in VENDORS.items():
        if kind in (None, name):
            importlib.import_module(target.partition(":")[0])
    for entry in behaviours(kind):
        click.echo(f"{entry.vendor:<10} {entry.basis:<10} {entry.sentence}")


@cli.command("faults")
def show_faults() -> None:
    """The words of a fault rule: which requests are hit, and what happens to them."""
    click.echo(printed())


if __name__ == "__main__":
    cli()
