"""What does `python -m aetia` do? The same as the command `aetia`."""

from aetia.cli import main

if __name__ == "__main__":
    main()
