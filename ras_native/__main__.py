"""Makes `python -m ras_native` run the command `ras-native`."""

from .cli import main

if __name__ == "__main__":
    main()
