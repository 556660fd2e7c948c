"""Where a body is in the room: its landmarks in metres, laid into the camera's picture and onto the floor.

A pose model tells the shape of a body in metres, and where it is in the picture. The place at which that
shape fits into the picture follows from both, up to the body's true size: whoever is taller than the model
thinks is further away by as much. What carries the body, the floor or furniture, settles that too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from care_robot.geometry import CameraModel, Pose
from care_robot.perception.bodies import HIPS, SHOULDERS, Array, Body, Landmark, middle
from care_robot.perception.posture import VISIBLE

# A body's true size over what the model takes it for, measured on rendered people of 1.45 to 1.83 m: between
# 0.95 and 1.12 for eight of ten who stand, and between 0.83 and 1.03 for those who lie.
SIZE_STD = 0.1
LYING_SIZE, LYING_SIZE_STD = 0.95, 0.08

NEAREST_M, FARTHEST_M = 0.3, 20.0
MOST_TURNED_RAD = math.radians(60.0)  # half of a wide picture, and some error
STRAY = math.log(2.0)  # a solution so much nearer or further than without a turn is none
ENOUGH_POINTS = 8
SOLE_M = 0.03  # of a heel's or toe's landmark over the floor
# How far a landmark can be from what it rests on, because of the model's errors.
SEEN_CONTACT_STD_M = 0.07
HIDDEN_CONTACT_STD_M = 0.25
ACROSS_STD_M = 0.05
FEET_VISIBLE = 0.8  # feet behind furniture are drawn where they are not, and called half visible
FEET = (Landmark.LEFT_HEEL, Landmark.RIGHT_HEEL, Landmark.LEFT_FOOT_INDEX, Landmark.RIGHT_FOOT_INDEX)


@dataclass(frozen=True, eq=False)
class Lens:
    """How a camera sees the room.

    Parameters
    ----------
    model : CameraModel
        Of the images whose landmarks are told.
    pose : Pose
        Of the camera's optical frame in the map, whose z is the height over the floor.
    """

    model: CameraModel
    pose: Pose


@dataclass(frozen=True, eq=False)
class Placed:
    """A body in the map.

    Parameters
    ----------
    points : (33, 3) array
        Landmarks, m.
    visibility : (33,) array
        Probability that they are seen, not guessed.
    up : (3,) array
        Unit vector upwards in the axes of the body's own landmarks: what `Body.torso_inclination` asks for.
    eye : (3,) array
        The camera, m.
    size_std : float
        Of the distance from the camera, as a share of it.
    """

    points: Array
    visibility: Array
    up: Array
    eye: Array
    size_std: float = SIZE_STD

    @property
    def hips(self) -> Array:
        """Midway between the hips, m."""
        return middle(self.points, HIPS)

    @property
    def head_height_m(self) -> float:
        """Of the middle of the ears over the floor."""
        return float(middle(self.points, (Landmark.LEFT_EAR, Landmark.RIGHT_EAR))[2])

    @property
    def torso(self) -> Array:
        """From hips to shoulders, m."""
        return middle(self.points, SHOULDERS) - self.hips

    def covariance(self) -> Array:
        """Of the hips (3, 3), m²: long along the line of sight."""
        sight = self.hips - self.eye
        along = float(np.linalg.norm(sight))
        ray = sight / max(along, 1e-6)
        return np.asarray(
            ACROSS_STD_M**2 * np.eye(3)
            + ((along * self.size_std) ** 2 + ACROSS_STD_M**2) * np.outer(ray, ray)
        )

    def sized(self, share: float, size_std: float) -> Placed:
        """The same picture of a body that is larger, and so further away, by a share."""
        return replace(self, points=self.eye + share * (self.points - self.eye), size_std=size_std)

    def size_over(self, other: Placed) -> float:
        """How much larger this body is than another in the same picture."""
        far_m = float(np.linalg.norm(other.hips - other.eye))
        return float(np.linalg.norm(self.hips - self.eye)) / max(far_m, 1e-6)

    def resting(self, height_m: float) -> Placed | None:
        """The same body with its lowest point at a height; None where the camera is not well above both."""
        feet_seen = self.visibility[list(FEET)].max() >= FEET_VISIBLE
        heights = self.points[self.visibility >= VISIBLE if feet_seen else slice(None), 2]
        below_m = float(self.eye[2] - heights.min())
        share = (float(self.eye[2]) - height_m) / below_m if below_m > NEAREST_M else 0.0
        if share < 0.1:
            return None
        contact_std_m = SEEN_CONTACT_STD_M if feet_seen else HIDDEN_CONTACT_STD_M
        return self.sized(share, share * contact_std_m / below_m)


def place_body(body: Body, lens: Lens) -> Placed | None:
    """Lay a body into the map, with the size that the model takes it for.

    The shape is turned and moved as a whole until its landmarks fall where the picture has them. The model
    tells the shape as if the camera looked straight at the body: the turn corrects that.

    Returns
    -------
    Placed or None
        None where the shape does not fit the picture.
    """
    model = lens.model
    seen = body.visibility >= VISIBLE
    used = seen if seen.sum() >= ENOUGH_POINTS else np.ones_like(seen)
    pixels = body.image[used] * (model.width, model.height)
    with np.errstate(all="ignore"):  # far out of the picture, a lens's distortion means nothing
        rays = model.ray(pixels)
    guess = _moved(body.world[used], rays)
    if guess is None:
        return None
    try:
        solved, turn, move = cv2.solvePnP(
            body.world[used],
            pixels,
            np.array(model.k()).reshape(3, 3),
            np.array(model.distortion) if model.distortion else None,
            rvec=np.zeros((3, 1)),
            tvec=guess.reshape(3, 1),
            useExtrinsicGuess=True,
            flags=cv2.SOLVEPNP_ITERATIVE,
        )
    except cv2.error:  # points that are all one
        return None
    far_m = float(np.linalg.norm(move))
    if not (solved and np.isfinite(turn).all() and NEAREST_M < far_m < FARTHEST_M and move[2, 0] > 0.0):
        return None
    stray = abs(math.log(far_m / float(np.linalg.norm(guess))))
    if np.linalg.norm(turn) > MOST_TURNED_RAD or stray > STRAY:
        return None
    rotation = np.asarray(cv2.Rodrigues(turn)[0], dtype=np.float64)
    points = lens.pose.apply(body.world @ rotation.T + move.ravel())
    return Placed(points, body.visibility, rotation.T @ lens.pose.rotation()[2], lens.pose.position)


def on_feet(placed: Placed) -> Placed:
    """The same body with its lowest point on the floor, where that is near to what its size says.

    Nobody's lowest point is under the floor. It may be well over it: of who sits on a bed with the legs up.
    """
    standing = placed.resting(SOLE_M)
    if standing is None:
        return placed
    share = standing.size_over(placed)
    if share > 1.0 + 3.0 * SIZE_STD:
        return placed
    if share < 1.0 - 3.0 * SIZE_STD:  # a child
        return standing
    weight = SIZE_STD**2 / (SIZE_STD**2 + standing.size_std**2)
    return placed.sized(1.0 + weight * (share - 1.0), math.sqrt(weight) * standing.size_std)


def _moved(shape: Array, rays: Array) -> Array | None:
    """By how far points (n, 3) must be moved to lie on rays (n, 3) as well as they can."""
    x, y, z = rays.T
    if not (z >= 1e-3).all():  # also what is no number, which lstsq raises an error for
        return None
    u, v, n = x / z, y / z, len(shape)
    left = np.zeros((2 * n, 3))
    left[:n, 0] = left[n:, 1] = 1.0
    left[:n, 2], left[n:, 2] = -u, -v
    right = np.concatenate([u * shape[:, 2] - shape[:, 0], v * shape[:, 2] - shape[:, 1]])
    move, _, rank, _ = np.linalg.lstsq(left, right, rcond=None)
    return np.asarray(move) if rank == 3 and move[2] > 0.0 and np.isfinite(move).all() else None
