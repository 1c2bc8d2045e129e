"""`file-access records`: what an operator hands to schools and authorities, made of the inventory and the settings.

It opens no store: where AWS says that a bucket lies is known to a running gateway only, which tells it to a school's
administrators.
"""

from __future__ import annotations

import sys

import click


@click.command()
@click.argument("record", type=click.Choice(["article-30", "article-35", "sub-processors"]))
@click.option("--format", "form", type=click.Choice(["markdown", "json"]), default="markdown", show_default=True)
def records(record: str, form: str) -> None:
    """Print a record for schools and authorities.

    article-30: the record of processing; article-35: the facts for an impact assessment; sub-processors: who keeps the
    machines and stores, and who is reached on a person's word.
    """
    from gateway.inventory.facts import facts
    from gateway.inventory.records import RECORDS
    from gateway.safety import UnsafeSettings, load

    try:
        made = RECORDS[record](facts(load()))
    except UnsafeSettings as error:
        click.echo(f"file-access: these settings are not safe to use:\n{error}", err=True)
        sys.exit(2)
    click.echo(made.json() if form == "json" else made.markdown(), nl=False)
