"""Checks the folders above a feed's files: in a folder that may not be listed, a pattern matches nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from quanyu.errors import KeeperError
from quanyu.feeds.day_path import DAY


def check_folders(root: Path, pattern: str) -> None:
    """Raise KeeperError if this user may not list a folder on the path of a pattern."""
    level = _listable([root])
    for part in DAY.sub("*", pattern).split("/")[:-1]:
        level = _listable(child for folder in level for child in folder.glob(part))


def _listable(folders: Iterable[Path]) -> list[Path]:
    there = [folder for folder in folders if folder.is_dir()]
    for folder in there:
        if not os.access(folder, os.R_OK | os.X_OK):
            raise KeeperError(f"{folder}: this user may not list the folder: give it the rights, then run again")
    return there
