"""Views of a simulated person: the person is in the picture, where it says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from care_robot.simulation.pose_views import (
    HEIGHT_PX,
    WIDTH_PX,
    PoseViews,
    Viewpoint,
    ViewPosture,
)


@pytest.fixture(scope="module")
def views() -> Iterator[PoseViews]:
    with PoseViews(1) as made:
        yield made


@pytest.mark.parametrize("viewpoint", Viewpoint)
@pytest.mark.parametrize("posture", ViewPosture)
def test_the_hips_are_in_the_picture_and_of_the_colour_of_the_clothes(
    views: PoseViews, posture: ViewPosture, viewpoint: Viewpoint
) -> None:
    picture, (x_px, y_px) = views.view(posture, 2.6, viewpoint)
    assert picture.shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert 0 < x_px < WIDTH_PX
    assert 0 < y_px < HEIGHT_PX
    there = picture[int(y_px), int(x_px)].astype(float) / 255
    clothes = (views.resident.shirt, views.resident.trousers, views.resident.skin)
    assert min(np.abs(there / there.sum() - np.divide(c, sum(c))).max() for c in clothes) < 0.12


def test_a_view_that_the_room_has_no_place_for_is_refused(views: PoseViews) -> None:
    with pytest.raises(ValueError, match=r"50\.0 m"):
        views.view(ViewPosture.STANDING, 50.0, Viewpoint.HEAD)
