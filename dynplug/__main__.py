"""`python -m dynplug`: the command, where its script is not on the path."""

from dynplug.cli import main

if __name__ == "__main__":
    main()
