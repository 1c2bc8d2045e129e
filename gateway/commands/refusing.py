"""How a command says that it did nothing."""

from __future__ import annotations

import sys
from typing import NoReturn

import click


def refuse(message: str) -> NoReturn:
    """Say why nothing was started, and end with 2."""
    click.echo(f"file-access: {message}", err=True)
    sys.exit(2)
