"""Entries of landing that are no valid file of a feed are reported, and do not stop others."""

import os

import pytest

from quanyu.feeds.candidates import candidates


@pytest.fixture
def landing(tmp_path):
    pos = tmp_path / "landing" / "pos"
    pos.mkdir(parents=True)
    (pos / "a.csv").write_text("id\n1\n")
    (tmp_path / "foreign.csv").write_text("id\n2\n")
    return tmp_path / "landing"


def faults(landing):
    return {one.name: one.fault for one in candidates(landing, "pos/*.csv")}


def test_a_regular_file_is_taken_also_by_a_link_below_the_root(landing):
    (landing / "pos" / "b.csv").symlink_to("a.csv")
    assert faults(landing) == {"pos/a.csv": "", "pos/b.csv": ""}


def test_other_entries_are_reported_and_the_file_beside_them_is_read(landing):
    pos = landing / "pos"
    (pos / "folder.csv").mkdir()
    os.mkfifo(pos / "pipe.csv")
    (pos / "out.csv").symlink_to("../../foreign.csv")
    (pos / "dangling.csv").symlink_to("nowhere")
    (pos / "circle.csv").symlink_to("circle.csv")
    (pos / "new\nline.csv").write_text("")
    (pos / os.fsdecode(b"\xff.csv")).write_text("")
    assert faults(landing) == {
        "pos/a.csv": "",
        "pos/folder.csv": "a folder",
        "pos/pipe.csv": "a pipe, a socket or a device",
        "pos/out.csv": "a link out of the landing folder",
        "pos/dangling.csv": "a broken link",
        "pos/circle.csv": "a circular link, or a link to a folder that may not be read",
        "pos/new\nline.csv": "a name with hidden characters, or not in UTF-8",
        "pos/\udcff.csv": "a name with hidden characters, or not in UTF-8",
    }


def test_a_folder_that_links_out_gives_nothing(landing, tmp_path):
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "a.csv").write_text("id\n3\n")
    (landing / "pos").rename(landing / "own")
    (landing / "pos").symlink_to(tmp_path / "else")
    assert faults(landing) == {"pos/a.csv": "a link out of the landing folder"}


def test_the_root_may_be_a_link(landing, tmp_path):
    (tmp_path / "link").symlink_to(landing)
    assert faults(tmp_path / "link") == {"pos/a.csv": ""}


def test_of_two_that_differ_in_case_the_one_spelled_as_declared_is_taken(landing):
    (landing / "pos" / "a.CSV").write_text("id\n3\n")
    assert faults(landing) == {"pos/a.csv": "", "pos/a.CSV": "a.csv differs in case only and is read"}


def test_a_wildcard_leaves_alone_what_is_hidden_or_uploading(landing):
    for name in (".a.csv.Xy12", "._a.csv", "_SUCCESS", "~$a.csv", "b.csv.part", "Thumbs.db", "c.csv"):
        (landing / "pos" / name).write_text("")
    names = [one.name for one in candidates(landing, "pos/*") if not one.fault]
    assert names == ["pos/a.csv", "pos/c.csv"]


def test_folders_above_the_first_wildcard_are_others_too(landing):
    (landing / "b.csv").write_text("")
    assert faults(landing) == {"pos/a.csv": ""}
