"""The story of the default demo: a resident walks into the living room, falls, and lies still."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from care_robot.simulation.resident import Resident, add_resident
from care_robot.simulation.resident_fall import TIMESTEP_S, Fall, Stumble
from care_robot.simulation.resident_gait import Walk
from care_robot.simulation.resident_skin import dress
from care_robot.simulation.resident_steps import Place, plan_walk
from care_robot.simulation.room import add_room

FPS = 15
STAND_S = 0.9  # after the last step, before the fall
LIE_S = 7.5  # from the start of the fall to the end of the video


@dataclass(frozen=True)
class Story:
    """What happens in the video of one seed."""

    resident: Resident
    start: Place
    distance_m: float
    turn_rad: float
    stumble: Stumble

    @classmethod
    def from_seed(cls, seed: int) -> Story:
        """Draw a person who comes in from the right, turns towards the camera, and falls across its view."""
        draw = np.random.default_rng((seed, 1))
        facing_rad = math.radians(draw.uniform(115, 160))
        # The fall goes to the right of the picture, where the body lies across the camera's axis.
        falls_rad = math.radians(-90 + draw.uniform(-12, 12)) - facing_rad
        return cls(
            resident=replace(Resident.from_seed(seed), gait_speed_m_s=0.75, stride=1.0, walking_aid=""),
            start=Place(0.05, -2.20, math.pi / 2),
            distance_m=2.60,
            turn_rad=facing_rad - math.pi / 2,
            stumble=Stumble(falls_rad, strength_m_s=draw.uniform(0.35, 0.6)),
        )


def build_world(resident: Resident, *, dressed: bool = True) -> mujoco.MjModel:
    """Return the living room with the resident in it; without clothes and face it is ready sooner."""
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.option.timestep = TIMESTEP_S
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    add_room(spec)
    add_resident(spec, resident)
    if dressed:
        dress(spec, resident)
    return spec.compile()


class Performance:
    """Plays a story frame by frame."""

    def __init__(self, story: Story, *, dressed: bool = True) -> None:
        steps, _ = plan_walk(story.resident, story.start, story.distance_m, story.turn_rad)
        self._walk = Walk(story.resident, story.start, steps)
        self._story = story
        self.fps = float(FPS)
        self.fall_start_s = math.ceil((steps[-1].land_s + STAND_S) * FPS) / FPS
        self.fall_end_s = math.nan  # known when all frames have been played
        self.frames = round((self.fall_start_s + LIE_S) * FPS)
        self.model = build_world(story.resident, dressed=dressed)
        self.data = mujoco.MjData(self.model)

    def play(self) -> Iterator[mujoco.MjData]:
        """Yield the state of the world at every frame; the same object each time."""
        data, falling = self.data, round(self.fall_start_s * FPS)
        for frame in range(falling):
            data.time = frame / FPS
            self._walk.posture(data.time).apply(data)
            mujoco.mj_forward(self.model, data)
            yield data
        self._walk.posture(self.fall_start_s).apply(data)
        data.time = self.fall_start_s
        mujoco.mj_forward(self.model, data)
        fall = Fall(self.model, data, self._story.resident, self._story.stumble)
        for frame in range(falling, self.frames):
            while data.time < frame / FPS - TIMESTEP_S / 2:
                fall.step()
                if math.isnan(self.fall_end_s) and fall.is_down():
                    self.fall_end_s = data.time
            mujoco.mj_forward(self.model, data)
            yield data
