"""`python -m ras_native` is the command `ras-native`."""

from .cli import main

if __name__ == "__main__":
    main()
