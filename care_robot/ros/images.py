"""sensor_msgs/Image to numpy arrays and back, without cv_bridge.

``Image.data`` is filled from an ``array.array('B')``: with ``bytes`` or a list, rclpy checks each element,
which takes longer than the frame lasts.
"""

from array import array

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from sensor_msgs.msg import Image

_ENCODINGS: dict[str, tuple[str, int]] = {
    "rgb8": ("u1", 3),
    "bgr8": ("u1", 3),
    "mono8": ("u1", 1),
    "16UC1": ("u2", 1),
    "32FC1": ("f4", 1),
}


class ImageError(ValueError):
    """An image message that cannot be read."""


def array_to_image(pixels: NDArray[np.generic], encoding: str, stamp: Time, frame_id: str) -> Image:
    """Image message of an array.

    Parameters
    ----------
    pixels
        (h, w, 3) uint8 for rgb8 and bgr8; (h, w) uint8, uint16 (mm) or float32 (m) for mono8, 16UC1, 32FC1.
    """
    kind, channels = _layout(encoding)
    fits = pixels.ndim == 3 and pixels.shape[2] == channels if channels > 1 else pixels.ndim == 2
    if pixels.dtype.newbyteorder("=") != np.dtype(kind) or not fits:
        raise ImageError(f"An array of {pixels.dtype} {pixels.shape} does not fit the encoding {encoding}.")
    message = Image()
    message.header.stamp = stamp
    message.header.frame_id = frame_id
    message.height, message.width = pixels.shape[:2]
    message.encoding = encoding
    message.is_bigendian = 0
    message.step = message.width * channels * np.dtype(kind).itemsize
    message.data = array("B", np.ascontiguousarray(pixels, dtype="<" + kind).tobytes())
    return message


def image_to_array(message: Image) -> NDArray[np.generic]:
    """Pixels of an image message as a read-only view: (h, w, 3) for colour, (h, w) otherwise.

    Colour comes as RGB whichever way round the message had it.

    Raises
    ------
    ImageError
        For an unknown encoding, or data that does not fit the size.
    """
    kind, channels = _layout(message.encoding)
    row_bytes = message.width * channels * np.dtype(kind).itemsize
    if message.width == 0 or message.height == 0:
        raise ImageError("An image without pixels: its width or height is 0.")
    if message.step < row_bytes or len(message.data) != message.step * message.height:
        raise ImageError(
            f"An image of {message.width}x{message.height} {message.encoding} with a step of {message.step} "
            f"and {len(message.data)} bytes: the sizes do not fit together."
        )
    rows = np.frombuffer(message.data, dtype=np.uint8).reshape(message.height, message.step)
    dtype = np.dtype((">" if message.is_bigendian else "<") + kind)
    pixels = np.ascontiguousarray(rows[:, :row_bytes]).view(dtype)
    if channels == 1:
        return pixels
    pixels = pixels.reshape(message.height, message.width, channels)
    return pixels[..., ::-1] if message.encoding == "bgr8" else pixels


def _layout(encoding: str) -> tuple[str, int]:
    try:
        return _ENCODINGS[encoding]
    except KeyError:
        known = ", ".join(_ENCODINGS)
        raise ImageError(f"The image encoding '{encoding}' is not supported; use one of {known}.") from None
