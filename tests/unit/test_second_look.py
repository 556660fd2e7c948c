"""What is found in a turned square of a picture is put where it is in the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stick_people import stick_body

from care_robot.perception.bodies import Body
from care_robot.perception.second_look import Cut

SHAPE = (240, 320, 3)


@given(
    cut=st.builds(
        Cut, st.floats(-60.0, 250.0), st.floats(-60.0, 180.0), st.floats(48.0, 400.0), st.integers(0, 3)
    ),
    u=st.floats(0.2, 0.8),
    v=st.floats(0.2, 0.8),
)
@settings(max_examples=60, deadline=None)
def test_a_spot_seen_in_a_cut_is_put_back_where_it_is(cut: Cut, u: float, v: float) -> None:
    spot = np.array([cut.x_px + u * cut.side_px, cut.y_px + v * cut.side_px])
    if not ((spot > 8) & (spot < (311, 231))).all():
        return
    rgb = np.zeros(SHAPE, np.uint8)
    column, row = np.round(spot).astype(int)
    rgb[row - 2 : row + 3, column - 2 : column + 3] = 255
    seen = cut.of(rgb)
    assert seen.shape[0] == seen.shape[1] >= 256
    rows, columns = np.nonzero(seen[..., 0] > 128)
    where = (np.array([columns.mean(), rows.mean()]) + 0.5) / len(seen)
    found = Body(np.tile(where, (33, 1)), np.zeros((33, 3)), np.ones(33), 1.0)
    back = cut.back(found, SHAPE).image[0] * (320, 240)
    assert back == pytest.approx(spot, abs=2.0)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_body_that_stands_in_the_turned_cut_lies_in_the_room(turns: int) -> None:
    standing = stick_body(inclination=0.0)
    body = Cut(0.0, 0.0, 240.0, turns).back(standing, SHAPE)
    assert body.torso_inclination() == pytest.approx(
        {0: 0.0, 1: math.pi / 2, 2: math.pi, 3: math.pi / 2}[turns]
    )
    along = body.points(320 / 240)[11] - body.points(320 / 240)[23]
    up = body.world[11] - body.world[23]
    assert along / np.linalg.norm(along) == pytest.approx(up[:2] / np.linalg.norm(up[:2]), abs=1e-6)
    assert (body.score, body.visibility.tolist()) == (standing.score, standing.visibility.tolist())


def test_the_cut_holds_the_body_with_room_around_it() -> None:
    body = stick_body(hip=(0.65, 0.5), torso=0.2)
    cut = Cut.around(body, SHAPE, 1.5, 0)
    points = body.image * (320, 240)
    assert (points[:, 0] > cut.x_px).all()
    assert (points[:, 0] < cut.x_px + cut.side_px).all()
    assert np.ptp(points[:, 1]) * 1.5 == pytest.approx(cut.side_px, rel=0.05)


@pytest.mark.parametrize("hip", [(-30.0, 0.5), (0.0, 0.0), (1e6, -1e6)])
def test_a_body_outside_the_picture_is_cut_at_its_border(hip: tuple[float, float]) -> None:
    cut = Cut.around(stick_body(hip=hip), SHAPE, 1.5, 1)
    assert 48.0 <= cut.side_px <= 1.5 * 320
    assert cut.of(np.zeros(SHAPE, np.uint8)).shape == (256, 256, 3)
