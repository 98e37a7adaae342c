"""Draw `.github/watch.svg`, the picture of `ras-native watch` in the README, and the test's texts.

usage: watch_picture.py [FILE WIDTH HEIGHT]

Both show the scene of tests/support/live_scene.py. The texts are what tests/behaviour/test_cli_live
compares with. With FILE, only a picture of this size is drawn.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

HOME = Path(__file__).parents[1]
sys.path.insert(0, str(HOME / "tests" / "support"))

from live_scene import GOLDEN, PICTURES, README_PICTURE, draw  # noqa: E402 - its path is set above


async def main(name: str = "", width: str = "", height: str = "") -> None:
    """Draw one picture, or all."""
    size = {"width": int(width), "height": int(height)} if height else README_PICTURE
    picture, _ = await draw(**size)
    Path(name or HOME / ".github" / "watch.svg").write_text(picture, encoding="utf-8")
    if not name:
        for file, options in PICTURES.items():
            _, text = await draw(**options)
            (GOLDEN / file).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
