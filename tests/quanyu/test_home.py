import json
import shutil

import pytest

from quanyu.config.settings import Settings
from quanyu.errors import ConfigError
from quanyu.home import home_name
from quanyu.home.lock import home_lock


def settings_of(path, **changes):
    return Settings(home=path, conf=path, data=path, landing=path, **changes)


@pytest.fixture
def settings(tmp_path):
    return settings_of(tmp_path / "home")


def test_the_first_run_notes_the_home_for_its_owner_alone(settings):
    assert home_name.recorded_home(settings) is None
    with home_lock(settings):
        pass
    path = home_name.note_path(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    note = json.loads(path.read_text())
    assert (note["name"], note["path"]) == ("quanyu", str(settings.home))
    assert home_name.may_send(settings) is None


def test_another_name_is_refused_in_a_sentence_and_nothing_is_left_held(settings):
    home_name.record_home(settings)
    other = settings_of(settings.home, name="berlin")
    with pytest.raises(ConfigError, match=r"'berlin' is not the name of this home. Its name is 'quanyu'"):
        home_name.may_send(other)
    for _ in range(2):
        with pytest.raises(ConfigError, match="write name: quanyu"), home_lock(other):
            pass
    with home_lock(settings):
        pass


def test_a_copy_may_not_send_until_it_is_accepted(settings, tmp_path):
    home_name.record_home(settings)
    copy = settings_of(tmp_path / "copy")
    shutil.copytree(settings.home, copy.home)
    assert "at " + str(settings.home) in home_name.may_send(copy)
    home_name.record_home(copy)
    assert home_name.may_send(copy) is None
    assert home_name.may_send(settings) is None


def test_another_machine_may_not_send(settings):
    home_name.record_home(settings_of(settings.home, machine="one"))
    assert home_name.may_send(settings_of(settings.home, machine="one")) is None
    assert "on another machine" in home_name.may_send(settings_of(settings.home, machine="two"))


def test_a_note_that_cannot_be_read_is_reported(settings):
    settings.home.mkdir()
    home_name.note_path(settings).write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        home_name.may_send(settings)


@pytest.mark.parametrize("name", ["Shop", "", "a b", "../x", "x" * 60])
def test_a_name_is_fit_for_a_path(settings, name):
    with pytest.raises(ValueError, match="name"):
        settings_of(settings.home, name=name)
