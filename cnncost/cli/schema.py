"""cnncost schema: the JSON Schema of specs."""

from __future__ import annotations

from cnncost.cli import options

EXAMPLES = (
    "cnncost schema -o cnncost.schema.json",
    "# then, as the first line of a spec:  # yaml-language-server: $schema=cnncost.schema.json",
)


def command(output: options.Output = None) -> None:
    """Print the JSON Schema that editors use to complete and check specs."""
    import json
    import sys

    from cnncost.language.schema import schema
    from cnncost.writing import write

    text = json.dumps(schema(), indent=2) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        write(output, text)
