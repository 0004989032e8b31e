"""A landing folder without permissions is reported; it does not look like an empty feed."""

import os
import shutil
import subprocess
import sys

import pytest
from shop import ROOT

CHECK = """
import sys
from pathlib import Path
from quanyu.errors import KeeperError
from quanyu.feeds.paths import check_folders
try:
    check_folders(Path(sys.argv[1]), sys.argv[2])
except KeeperError as error:
    print(error)
"""
AS_NOBODY_MUCH = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


@pytest.mark.skipif(os.getuid() == 0 and not shutil.which("setpriv"), reason="root may list every folder")
@pytest.mark.parametrize(
    ("closed", "pattern"),
    [
        ("", "pos/{day}/*.csv"),
        ("pos", "pos/{day}.csv"),
        ("pos/2024-07-01", "pos/{day}/*.csv"),
        ("pos/2024-07-01/b", "pos/*/b/{day}.csv"),
    ],
)
def test_a_folder_that_may_not_be_listed_is_reported(tmp_path, closed, pattern):
    landing = tmp_path / "landing"
    (landing / "pos" / "2024-07-01" / "b").mkdir(parents=True)

    def words():
        call = [*(AS_NOBODY_MUCH if os.getuid() == 0 else []), sys.executable, "-c", CHECK, str(landing), pattern]
        done = subprocess.run(
            call, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert words() == ""
    folder = landing / closed
    folder.chmod(0o000)
    try:
        assert words().startswith(f"{folder}: this user may not list the folder")
    finally:
        folder.chmod(0o700)
