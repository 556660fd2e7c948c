"""Stamps and images, there and back, and what cannot be converted."""

from array import array

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sensor_msgs.msg import Image

from care_robot.ros.conversions import to_seconds, to_stamp
from care_robot.ros.images import ImageError, array_to_image, image_to_array


@given(st.floats(0, 2**31 - 1))
def test_a_stamp_keeps_its_time_to_a_microsecond(t_s: float) -> None:
    assert to_seconds(to_stamp(t_s)) == pytest.approx(t_s, abs=1e-6)


@pytest.mark.parametrize("t_s", [-1.0, float("nan"), float("inf"), 2.0**31])
def test_a_time_that_is_no_stamp_is_refused(t_s: float) -> None:
    with pytest.raises(ValueError, match="cannot be a ROS stamp"):
        to_stamp(t_s)


sizes = st.tuples(st.integers(1, 20), st.integers(1, 20))


@given(sizes.flatmap(lambda s: npst.arrays(np.uint8, (*s, 3))))
def test_colour_survives_and_bgr_comes_as_rgb(pixels: np.ndarray) -> None:
    assert (image_to_array(array_to_image(pixels, "rgb8", Time(), "c")) == pixels).all()
    assert (image_to_array(array_to_image(pixels, "bgr8", Time(), "c")) == pixels[..., ::-1]).all()


@given(sizes.flatmap(lambda s: npst.arrays(np.float32, s, elements=st.floats(0, 10, width=32))))
def test_depth_survives(depth_m: np.ndarray) -> None:
    assert (image_to_array(array_to_image(depth_m, "32FC1", Time(), "c")) == depth_m).all()


def test_padded_rows_and_big_endian_are_read() -> None:
    message = Image(height=2, width=2, encoding="16UC1", is_bigendian=1, step=6)
    message.data = array("B", [0, 1, 0, 2, 9, 9, 1, 0, 0, 4, 9, 9])
    assert image_to_array(message).tolist() == [[1, 2], [256, 4]]


@given(
    st.sampled_from(["rgb8", "bgr8", "mono8", "16UC1", "32FC1", "", "yuv422", "rgb8\0"]),
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(0, 64),
    st.binary(max_size=512),
)
def test_a_hostile_image_gives_pixels_of_its_size_or_a_sentence(
    encoding: str, width: int, height: int, step: int, data: bytes
) -> None:
    message = Image(width=width, height=height, step=step, data=array("B", data))
    message._encoding = encoding
    try:
        pixels = image_to_array(message)
    except ImageError as error:
        sentence = str(error)
    else:
        assert pixels.shape[:2] == (height, width)
        return
    assert sentence.endswith(".")


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (4,)])
def test_an_array_that_does_not_fit_its_encoding_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="rgb8"):
        array_to_image(np.zeros(shape, np.uint8), "rgb8", Time(), "c")
