"""`python -m cnncost` and the script `cnncost`: so little that Ctrl-C is answered from the first moment."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. Ctrl-C ends it in one line, whatever it is at."""
    try:
        from cnncost.cli.main import main as run

        run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
