"""The `celoss` command: options in, text and exit status out."""
