"""cnncost schema: the JSON Schema of specs, or of what commands write."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncost.cli import options

EXAMPLES = (
    "cnncost schema -o cnncost.schema.json",
    "# then, as the first line of a spec:  # yaml-language-server: $schema=cnncost.schema.json",
    "cnncost schema output -o output.schema.json",
)
KINDS = ("spec", "output")


def command(
    what: Annotated[
        str, typer.Argument(metavar="[spec|output]", help="Of specs, or of what commands write as JSON.")
    ] = "spec",
    output: options.Output = None,
) -> None:
    """Print the JSON Schema that editors use to complete and check specs, or that of --format json."""
    import json
    import sys

    from cnncost.errors import known_word
    from cnncost.language.schema import schema as of_specs
    from cnncost.tables.output_schema import schema as of_output
    from cnncost.writing import write

    made = of_specs if known_word("unknown schema", what, KINDS) == "spec" else of_output
    text = json.dumps(made(), indent=2) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        write(output, text)
