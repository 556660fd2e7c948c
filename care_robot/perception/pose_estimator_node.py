"""`pose_estimator`: the bodies in the images of one camera."""

import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from care_robot_msgs.msg import Body as BodyMessage
from care_robot_msgs.msg import BodyArray
from sensor_msgs.msg import Image

from care_robot.perception.bodies import Body
from care_robot.perception.body_finder import BodyFinder
from care_robot.perception.newest import Newest, Pace
from care_robot.perception.pose_model import PoseModelError
from care_robot.perception.sight_report_node import SightReport
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds
from care_robot.ros.images import ImageError, image_to_array
from care_robot.ros.node import CareNode, ConfigurationError, Health, Level, run_node
from care_robot.ros.parameters import parameter

SILENT_S = 2.0


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node."""

    camera: str = parameter("camera", "Name of the camera.")
    max_bodies: int = parameter(3, "Most bodies found in one image.", minimum=1, maximum=10)
    max_rate: float = parameter(
        10.0, "Most images worked on in a second.", unit="Hz", minimum=0.5, maximum=60
    )
    min_score: float = parameter(0.5, "Confidence below which a body is not one.", minimum=0.1, maximum=0.95)
    fixed: bool = parameter(True, "Whether the camera stays where it is, so that having moved is a fault.")


class PoseEstimatorNode(CareNode[Parameters]):
    """Images in, bodies out; an image that comes while another is worked on replaces the one that waits."""

    def __init__(self, **options: Any) -> None:
        super().__init__("pose_estimator", Parameters, **options)
        self._worker: threading.Thread | None = None

    def configure(self, parameters: Parameters) -> None:
        """Load the model and wire up."""
        self._p = parameters
        try:
            self._finder = BodyFinder(parameters.max_bodies, parameters.min_score)
        except PoseModelError as error:
            raise ConfigurationError(str(error)) from None
        self._bodies = self.publisher(BodyArray, "bodies", qos.SENSOR)
        self._sight = SightReport(self, parameters.camera, fixed=parameters.fixed)
        self.subscribe(Image, "image_raw", qos.SENSOR, self._take)
        self.every(1.0, self._sight.tick)

    def activate(self) -> None:
        """Start to look."""
        self._pace = Pace(self._p.max_rate)
        self._waiting: Newest[Image] = Newest()
        self._images, self._work_ms, self._bad_image = 0, 0.0, ""
        self._last_image_s = self._newest_stamp_s = self.now_s()
        self._worker = threading.Thread(target=self._work, args=(self._waiting,), daemon=True)
        self._worker.start()

    def deactivate(self) -> None:
        """Stop looking."""
        self._waiting.close()
        if self._worker is not None:
            self._worker.join()

    def cleanup(self) -> None:
        """Free the model."""
        if hasattr(self, "_finder"):
            self._finder.close()
            del self._finder

    def diagnose(self) -> Health:
        """Say whether images come and can be read."""
        silent_s = self.now_s() - self._last_image_s
        values = {
            "images": str(self._images),
            "looks": str(self._finder.first_looks),
            "second_looks": str(self._finder.second_looks),
            "work_ms": f"{self._work_ms:.0f}",
        }
        if (trouble := self._sight.health()) is not None:
            return replace(trouble, values={**trouble.values, **values})
        if silent_s > SILENT_S:
            return Health(
                Level.WARN, f"No image of {self._p.camera} for {silent_s:.0f} s: is the camera on?", values
            )
        if self._bad_image:
            return Health(Level.ERROR, self._bad_image, values)
        off_s = self._newest_stamp_s - self._last_image_s
        if abs(off_s) > SILENT_S:
            return Health(
                Level.WARN,
                f"Images of {self._p.camera} are stamped {off_s:.0f} s off: set its clock.",
                values,
            )
        return Health(values=values)

    def _take(self, image: Image) -> None:
        self._last_image_s = self.now_s()
        self._newest_stamp_s = to_seconds(image.header.stamp)
        if self._pace.lets_through(self._newest_stamp_s):
            self._waiting.put(image)

    def _work(self, waiting: "Newest[Image]") -> None:
        while (image := waiting.take()) is not None:
            try:
                self._look(image)
                self._bad_image = ""
            except (ImageError, ValueError) as error:
                self._bad_image = f"An image of {self._p.camera} was left out. {error}"
                self.get_logger().error(self._bad_image, throttle_duration_sec=10.0)
            except Exception:  # the robot must go on seeing after whatever went wrong with one image
                self._bad_image = (
                    f"The bodies in an image of {self._p.camera} were not found; the log says why."
                )
                self.get_logger().error(traceback.format_exc(), throttle_duration_sec=10.0)
                self._load_anew()

    def _load_anew(self) -> None:
        """A model that has failed once may fail for ever: MediaPipe's graphs end with their first error."""
        with suppress(Exception):
            self._finder.close()
        try:
            self._finder = BodyFinder(self._p.max_bodies, self._p.min_score)
        except Exception:  # tried again with the next image, which a closed model refuses
            self.get_logger().error(traceback.format_exc(), throttle_duration_sec=10.0)

    def _look(self, image: Image) -> None:
        begin_s = perf_counter()
        pixels = image_to_array(image)
        if pixels.ndim == 2 and pixels.dtype == np.uint8:
            pixels = np.repeat(pixels[..., None], 3, axis=2)  # a camera for the night has no colours
        stamp_s = to_seconds(image.header.stamp)
        self._sight.look(pixels, stamp_s)
        looks = self._finder.first_looks
        bodies = self._finder.find(pixels, stamp_s)
        if not bodies and (self._finder.first_looks == looks or not self._sight.sees):
            return  # nothing new; and nobody seen by a blind camera is not nobody there
        message = BodyArray(
            header=image.header, camera=self._p.camera, width=image.width, height=image.height
        )
        message.bodies = [_to_message(body) for body in bodies]
        self._bodies.publish(message)
        self._images += 1
        self._work_ms = 0.9 * self._work_ms + 0.1 * 1000.0 * (perf_counter() - begin_s)


def _to_message(body: Body) -> BodyMessage:
    return BodyMessage(
        image_landmarks=body.image.astype(np.float32).ravel(),
        world_landmarks=body.world.astype(np.float32).ravel(),
        visibility=body.visibility.astype(np.float32),
        score=body.score,
    )


def main() -> None:
    """Run the node."""
    run_node(PoseEstimatorNode)


if __name__ == "__main__":
    main()
