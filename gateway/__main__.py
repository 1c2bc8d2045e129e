"""`python -m gateway` is `file-access`."""

from gateway.cli import main

main(prog_name="file-access")
