"""Ordinary living on skeletons: errors as they were measured, acts that can be done, the same every time."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from care_robot.evaluation.fall_bench_view import ASPECT, FOCAL
from care_robot.evaluation.fall_skeletons import live, ordinary
from care_robot.evaluation.fall_skeletons_fit import Sight, fit, nearest, text_of
from care_robot.evaluation.fall_skeletons_noise import (
    GROUPS,
    KINDS,
    MIRRORED,
    Noise,
    Noisy,
    Spread,
    metres_per_height,
)
from care_robot.evaluation.fall_skeletons_table import SIZE, TABLE
from care_robot.perception.bodies import LEVEL_CAMERA_UP, Body
from care_robot.perception.posture import Posture
from care_robot.simulation.resident_orders import check

NONE = (0.0,) * len(GROUPS)
EXACT = Noise(
    lost_per_s=1e-9,
    found_per_s=10.0,
    world=Spread(NONE, NONE, NONE, NONE),
    depth=1.0,
    follows=0.0,
    image=Spread(NONE, NONE, NONE, NONE),
    drift_s=2.0,
    visibility=(1.0,) * len(GROUPS),
    visibility_std=NONE,
    swaps_per_s=1e-9,
    swap_s=0.1,
    slips_per_s=1e-9,
    slip_s=0.1,
    score=1.0,
    frames=1,
)


def standing() -> Body:
    """Somebody upright, 3 m before the camera."""
    world = np.zeros((33, 3))
    world[:11] = (0.0, -0.75, 0.0)
    for side, x in ((0, 0.2), (1, -0.2)):
        world[11 + side] = (x, -0.5, 0.0)
        world[[13 + side, 15 + side]] = (1.2 * x, -0.2, 0.0)
        world[[17 + side, 19 + side, 21 + side]] = (1.2 * x, 0.0, 0.0)
        world[23 + side] = (0.5 * x, 0.0, 0.0)
        world[25 + side] = (0.5 * x, 0.4, 0.05)
        world[[27 + side, 29 + side, 31 + side]] = (0.5 * x, 0.8, 0.0)
    there = world + np.array([0.1, 0.0, 3.0])
    image = 0.5 + FOCAL * there[:, :2] / there[:, 2:] / (ASPECT, 1.0)
    return Body(image, world, np.ones(33), 1.0)


def seen(noise: Noise, count: int = 1, seed: int = 0) -> list[Body | None]:
    noisy = Noisy(dict.fromkeys(KINDS.values(), noise), np.random.default_rng(seed), (1.0, 1e-9))
    truth = standing()
    return [noisy.see(truth, Posture.STANDING, LEVEL_CAMERA_UP, 0.1 * n) for n in range(count)]


def test_a_metre_is_as_large_in_the_picture_as_the_body_is_far() -> None:
    assert metres_per_height(standing()) * FOCAL == pytest.approx(3.0 + standing().world[:, 2:])


def test_without_errors_the_body_is_what_it_is() -> None:
    (body,) = seen(EXACT)
    assert body is not None
    assert body.image == pytest.approx(standing().image)
    assert body.world == pytest.approx(standing().world, abs=1e-6)


def test_a_trunk_that_slips_reads_as_lying_while_it_stands_and_comes_back() -> None:
    bodies = seen(replace(EXACT, slips_per_s=1.0, slip_s=1.0), 300)
    tilts = [math.degrees(body.torso_inclination()) for body in bodies if body is not None]
    assert min(tilts) < 5.0
    assert max(tilts) > 60.0
    assert 0.3 < np.mean([tilt > 45.0 for tilt in tilts]) < 0.7


def test_swapped_sides_are_the_same_body_mirrored() -> None:
    bodies = seen(replace(EXACT, swaps_per_s=1.0, swap_s=1.0), 100)
    left = {round(float(body.image[11, 0]), 3) for body in bodies if body is not None}
    assert left == {round(float(standing().image[side, 0]), 3) for side in (11, 12)}
    assert (MIRRORED[MIRRORED] == np.arange(33)).all()


def test_a_body_is_lost_as_often_as_measured() -> None:
    bodies = seen(replace(EXACT, lost_per_s=1.0, found_per_s=3.0), 3000)
    assert np.mean([body is None for body in bodies]) == pytest.approx(0.25, abs=0.05)


def test_nobody_is_found_out_of_the_picture() -> None:
    noisy = Noisy(TABLE, np.random.default_rng(0), SIZE)
    truth = replace(standing(), visibility=np.zeros(33))
    assert noisy.see(truth, Posture.STANDING, LEVEL_CAMERA_UP, 0.0) is None


def test_the_fit_finds_the_errors_that_were_put_in() -> None:
    world = Spread(*((std,) * len(GROUPS) for std in (0.05, 0.04, 0.0, 0.02)))
    image = Spread((0.03,) * len(GROUPS), NONE, NONE, NONE)
    noise = replace(
        EXACT, world=world, image=image, follows=0.5, lost_per_s=0.5, found_per_s=4.0, drift_s=2.0
    )
    stories = []
    for seed, posture in enumerate([*KINDS] * 4):
        bodies = seen(noise, 400, seed)
        stories.append([Sight(standing(), body, posture, LEVEL_CAMERA_UP) for body in bodies])
    table, _ = fit(stories)
    assert table.keys() == set(KINDS.values())
    for found in table.values():
        assert found.follows == pytest.approx(0.5, abs=0.15)
        groups = slice(0, 3)  # hips are where all others are measured from
        assert found.world.twist[groups] == pytest.approx(world.twist[groups], abs=0.015)
        assert found.world.jitter[groups] == pytest.approx((0.02,) * 3, abs=0.01)
        assert found.image.drift[groups] == pytest.approx((0.03,) * 3, abs=0.015)
        assert max(found.image.jitter) < 0.01
        assert found.lost_per_s == pytest.approx(0.5, rel=0.4)
        assert found.found_per_s == pytest.approx(4.0, rel=0.4)


def test_the_fit_refuses_too_few_bodies() -> None:
    with pytest.raises(ValueError, match="run more trials"):
        fit([[Sight(standing(), None, Posture.SITTING, LEVEL_CAMERA_UP)]])


def test_what_is_found_elsewhere_is_not_the_person() -> None:
    truth = standing()
    elsewhere = replace(truth, image=truth.image + 0.6)
    assert nearest(truth, [elsewhere], 4 / 3) is None
    assert nearest(truth, [elsewhere, truth], 4 / 3) is truth


def test_the_fitted_figures_can_be_written_and_read_again() -> None:
    names: dict[str, object] = {}
    exec(text_of(TABLE, SIZE, "how"), names)  # noqa: S102 (our own text)
    assert names["TABLE"] == TABLE
    assert names["SIZE"] == SIZE


@pytest.mark.parametrize("hour", [0.5, 9.0, 15.0, 23.0])
@pytest.mark.parametrize("lives_here", [True, False])
def test_what_people_do_can_be_told_to_them_and_does_not_lie_on_the_floor(
    hour: float, lives_here: bool
) -> None:
    plans = list(islice(ordinary(np.random.default_rng(1), hour, lives_here=lives_here), 200))
    for plan in plans:
        check(plan.act)
        assert plan.stay_s > 0
    kinds = {plan.act.kind.name for plan in plans}
    assert kinds.isdisjoint({"FALL", "SLIDE", "LIE_ON_FLOOR"})
    assert len(kinds) >= 4


def test_the_same_seed_lives_the_same_life() -> None:
    first, again, other = live(1000, 1, 0.01), live(1000, 1, 0.01), live(1001, 1, 0.01)
    assert first == again
    assert first.bodies > 0
    assert first.bodies != other.bodies or first.pictures != other.pictures
