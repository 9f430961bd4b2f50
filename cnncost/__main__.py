"""`python -m cnncost` and the script `cnncost`: so little that Ctrl-C is answered from the first moment."""

from __future__ import annotations

import os
import sys

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""Where this package lies: a checkout runs from its own folder."""


def main() -> None:
    """Run the command line. Ctrl-C ends it in one line, whatever it is at."""
    try:
        from cnncost.cli.main import main as run

        run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def leave_the_folder() -> None:
    """Take the working directory off the path of `python -m`: a yaml.py there is not the package.

    The script `cnncost` never has it. Who names package.module:factory gets it back.
    """
    if sys.path and sys.path[0] == os.getcwd() and not os.path.samefile(sys.path[0], HOME):
        del sys.path[0]


if __name__ == "__main__":
    leave_the_folder()
    main()
