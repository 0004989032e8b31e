"""The next process removes a dead process's folders of clear data, but not those of a running one."""

import subprocess
import sys

from quanyu.home import scratch

HOLDER = """
import sys, time
from pathlib import Path
from quanyu.home import scratch

print(scratch.make(Path(sys.argv[1])), flush=True)
time.sleep(60)
"""


def test_only_what_dead_processes_left_is_removed(tmp_path):
    root, own = tmp_path / "root", scratch.make(tmp_path / "root")
    line = [sys.executable, "-c", HOLDER, str(root)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as other:
        theirs = root / other.stdout.readline().strip().rpartition("/")[2]
        (theirs / "rows.csv").write_text("x")
        assert scratch.remove_dead(root) == 0
        assert (own.is_dir(), (theirs / "rows.csv").is_file()) == (True, True)
        other.kill()
    assert scratch.remove_dead(root) == 1
    assert (own.is_dir(), theirs.exists()) == (True, False)
    scratch.remove(own)
    assert not own.exists()


def test_a_folder_and_its_root_are_its_owners_alone(tmp_path):
    folder = scratch.make(tmp_path / "root")
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]
    scratch.remove(folder)


def test_a_folder_without_a_lock_is_removed(tmp_path):
    (tmp_path / "old").mkdir()
    assert scratch.remove_dead(tmp_path) == 1
