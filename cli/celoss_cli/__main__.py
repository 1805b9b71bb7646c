"""`python -m celoss_cli` is the `celoss` command."""

from celoss_cli.main import command

command()
