"""The uplift in the truth agrees with the difference between the simulated arms."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from sample.events.campaigns import ALIKE, ALIKE_UPLIFT, EVERY, FIRST_SEND, WINDOW, campaign_id, effect, uplifts, waves
from sample.world import World

PEOPLE, WAVES = 24_000, 4


@pytest.fixture(scope="module")
def lived():
    """A world after four campaigns, and a mask per campaign of the persons who bought within its window."""
    world = World(PEOPLE, date(2024, 1, 1), 11)
    bought = np.zeros((WAVES, PEOPLE), bool)
    for day in range(FIRST_SEND + EVERY * (WAVES - 1) + WINDOW + 1):
        facts = world.advance(day)
        number, after = divmod(day - FIRST_SEND, EVERY)
        if 0 <= number < WAVES and 1 <= after <= WINDOW:
            bought[number, facts.bought] = True
    return world, bought


def observed_uplift(wave, bought, some):
    """Return the difference between the arms' purchase rates, and its standard error."""
    arms = [bought[wave.number, wave.persons[some & (wave.treated == arm)]] for arm in (True, False)]
    error = np.sqrt(sum(arm.mean() * (1 - arm.mean()) / len(arm) for arm in arms))
    return arms[0].mean() - arms[1].mean(), error


@pytest.mark.parametrize("number", range(WAVES))
def test_the_arms_differ_by_the_true_uplift(lived, number):
    world, bought = lived
    wave = waves(world)[number]
    difference, error = observed_uplift(wave, bought, np.ones(len(wave.persons), bool))
    treated = wave.uplift[wave.treated].mean()
    assert abs(difference - treated) < 3.5 * error
    assert 0.47 < wave.treated.mean() < 0.53


def test_persons_with_a_high_true_uplift_respond_most(lived):
    world, bought = lived
    differences = []
    for wave in waves(world):
        if wave.number != ALIKE:
            high = wave.uplift > np.quantile(wave.uplift, 0.8)
            differences.append(
                (observed_uplift(wave, bought, high), observed_uplift(wave, bought, ~high), wave.uplift[high].mean())
            )
    for (top, error), (rest, _), expected in differences:
        assert top > rest + 0.05
        assert abs(top - expected) < 3.5 * error


def test_only_the_third_campaign_has_the_same_effect_on_everybody(lived):
    world, _ = lived
    alike = waves(world)[ALIKE].uplift
    assert np.quantile(np.abs(alike - ALIKE_UPLIFT), 0.98) < 0.005
    for wave in waves(world):
        if wave.number != ALIKE:
            assert wave.uplift.std() > 0.03
            assert (wave.uplift < -0.002).any()


def test_the_effect_lasts_two_weeks_and_only_on_the_treated(lived):
    world, _ = lived
    last = waves(world)[-1]
    assert effect(world, last.day) is None
    assert effect(world, last.day + WINDOW + 1) is None
    factor = effect(world, last.day + 1)
    untouched = np.ones(PEOPLE, bool)
    untouched[last.persons[last.treated]] = False
    assert (factor[untouched] == 1).all()
    assert (factor[~untouched] != 1).mean() > 0.9


def test_every_recipient_has_an_uplift_treated_or_not(lived):
    world, _ = lived
    truth = uplifts(world).to_pandas()
    for wave in waves(world):
        assert (truth["campaign"] == campaign_id(wave.number)).sum() == len(wave.persons)
    assert not truth.duplicated(["campaign", "person"]).any()
    assert truth["uplift"].between(-1, 1).all()
