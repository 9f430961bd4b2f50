"""python -m cnncost"""

from cnncost.cli.main import main

if __name__ == "__main__":
    main()
