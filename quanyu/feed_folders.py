"""Folders on the way to a feed's files: one that may not be listed is a fault, since a pattern finds nothing in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from quanyu.day_path import DAY
from quanyu.errors import KeeperError


def check_folders(root: Path, pattern: str) -> None:
    """Raise KeeperError where a folder that a path pattern leads through may not be listed by this user."""
    level = _listable([root])
    for part in DAY.sub("*", pattern).split("/")[:-1]:
        level = _listable(child for folder in level for child in folder.glob(part))


def _listable(folders: Iterable[Path]) -> list[Path]:
    there = [folder for folder in folders if folder.is_dir()]
    for folder in there:
        if not os.access(folder, os.R_OK | os.X_OK):
            raise KeeperError(f"{folder}: this user may not list the folder: give it the rights, then run again")
    return there
