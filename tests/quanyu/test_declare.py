"""Base of all declarations: YAML is read strictly, and all mistakes of a file are reported at once."""

import os

import pytest

from quanyu.errors import ConfigError, nearest
from quanyu.grammar.audience import Audience
from quanyu.grammar.declaration import Problems, digest
from quanyu.grammar.yaml_file import load_yaml


def problems_of(action, *args):
    with pytest.raises(ConfigError) as error:
        action(*args)
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2\n", "line 2: not valid YAML: the key 'a' is given twice"),
        ("a: {b: 1, b: 2}\n", "line 1: not valid YAML: the key 'b' is given twice"),
        ("a: [1, 2\nb: 3\n", "line 2: not valid YAML"),
        ("? [a, b]\n: 1\n", "line 1: not valid YAML: a key is a single word"),
        ("- a\n- b\n", "must hold keys and values, not list"),
        ("a: !!python/object:os.system x\n", "line 1: not valid YAML"),
        ("a: \x00\n", "not valid YAML in UTF-8"),
    ],
)
def test_yaml_is_read_strictly(tmp_path, text, words):
    path = tmp_path / "a.yml"
    path.write_text(text)
    messages = problems_of(load_yaml, path)
    assert len(messages) == 1
    assert messages[0].startswith(str(path))
    assert words in messages[0]


def test_what_is_no_file_or_no_utf8_is_reported(tmp_path):
    (tmp_path / "a.yml").write_bytes("名: 1".encode("gb18030"))
    assert "not valid YAML in UTF-8" in problems_of(load_yaml, tmp_path / "a.yml")[0]
    assert "cannot be read" in problems_of(load_yaml, tmp_path / "b.yml")[0]


def test_an_empty_file_has_no_keys_and_dates_are_text(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text("")
    assert load_yaml(path) == {}
    path.write_text("since: 2024-01-01\n")
    assert load_yaml(path) == {"since": "2024-01-01"}


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("Winback", "", "'Winback' is no name: lower case letters, digits and _"),
        ("win-back", "", "'win-back' is no name"),
        ("winback", "name: other\n", "name: not to be given: a declaration is named by its file"),
        ("winback", "purpos: ads\n", "purpos: unknown key; did you mean 'purpose'?"),
        ("winback", "3: 4\n", "Keys should be strings"),
    ],
)
def test_a_declaration_is_named_by_its_file_and_refuses_unknown_keys(tmp_path, name, more, words):
    path = tmp_path / f"{name}.yml"
    path.write_text(f"describes: d\nowner: o\ngoal: care\nwho: 'true'\npurpose: ads\n{more}")
    assert words in "\n".join(problems_of(Audience.load, path))


def test_all_mistakes_of_a_file_are_reported_at_once(tmp_path):
    path = tmp_path / "winback.yml"
    path.write_text("owner: o\ngoal: carefree\nwho: 'true'\npurpose: ads\nholdout: 2\n")
    messages = "\n".join(problems_of(Audience.load, path))
    for words in ("describes: is missing", "goal: 'carefree' is not allowed", "holdout: 2 is not allowed"):
        assert words in messages


def test_the_digest_follows_what_is_declared_not_where_or_in_which_order(tmp_path):
    lines = ["describes: d", "owner: o", "goal: care", "who: 'true'", "purpose: ads"]
    for folder, order in (("one", lines), ("two", lines[::-1]), ("three", [*lines, "holdout: 10 %"])):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.yml").write_text("\n".join(order))
    one, two, three = (Audience.load(tmp_path / name / "a.yml").digest() for name in ("one", "two", "three"))
    assert one == two != three
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})


def test_a_declaration_is_frozen(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text("describes: d\nowner: o\ngoal: care\nwho: 'true'\npurpose: ads")
    audience = Audience.load(path)
    with pytest.raises(ValueError, match="frozen"):
        audience.owner = "other"


def test_problems_are_gathered_and_reported_once_each():
    problems = Problems()
    problems.check()
    with problems.gather():
        raise ConfigError("in words")
    for _ in range(2):
        problems.add("a.yml", "key", "is wrong")
    assert problems_of(problems.check) == [": in words", "a.yml: key: is wrong"]


@pytest.mark.parametrize(
    ("name", "allowed", "words"),
    [
        ("ordrs", ["orders", "people"], "did you mean 'orders'? allowed: orders, people"),
        ("xyz", ["orders", "people"], "allowed: orders, people"),
        ("xyz", [], "allowed: nothing"),
        ("ordrs", ["orders", *(f"table_{n}" for n in range(40))], "did you mean 'orders'?"),
    ],
)
def test_the_nearest_name_comes_first(name, allowed, words):
    assert nearest(name, allowed) == words


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{one}: &{one} [{', '.join([f'*{before}'] * 10)}]\n" for before, one in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "more than 50000 keys and values, aliases written out"),
        ("a: &a [*a]", "an alias is inside of its own anchor"),
        ("a: " + "[" * 100_000, "nested more than 40 deep"),
        ("a: " + "x" * (1 << 20), "at most 1048576 are allowed"),
        ("a: " + "9" * 5000, "not valid YAML in UTF-8"),
        ("a: !!int x", "not valid YAML in UTF-8"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
    ],
)
def test_a_file_beyond_the_limits_is_reported_in_words(tmp_path, text, words):
    (tmp_path / "a.yml").write_text(text)
    assert words in problems_of(load_yaml, tmp_path / "a.yml")[0]


def test_an_alias_within_the_limits_is_read(tmp_path):
    (tmp_path / "a.yml").write_text("a: &a {x: 1}\nb: [*a, *a]\n")
    assert load_yaml(tmp_path / "a.yml") == {"a": {"x": 1}, "b": [{"x": 1}, {"x": 1}]}


def test_only_a_regular_file_of_the_conf_folder_is_read(tmp_path):
    conf, foreign = tmp_path / "conf", tmp_path / "secret.yml"
    conf.mkdir()
    foreign.write_text("password hunter2")
    (conf / "link.yml").symlink_to(foreign)
    os.mkfifo(conf / "pipe.yml")
    (conf / "folder.yml").mkdir()
    (conf / "dangling.yml").symlink_to(conf / "nowhere.yml")
    (conf / "own.yml").write_text("a: 1")
    (conf / "inside.yml").symlink_to("own.yml")
    assert "is a link out of" in problems_of(load_yaml, conf / "link.yml")[0]
    assert "hunter2" not in problems_of(load_yaml, conf / "link.yml")[0]
    assert "is no regular file" in problems_of(load_yaml, conf / "pipe.yml")[0]
    assert "is no regular file" in problems_of(load_yaml, conf / "folder.yml")[0]
    assert "cannot be read" in problems_of(load_yaml, conf / "dangling.yml")[0]
    assert load_yaml(conf / "inside.yml") == {"a": 1}
