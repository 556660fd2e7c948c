"""The pose model is made from what is installed, and finds people where there are some."""

from __future__ import annotations

import itertools
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib import cbook

from care_robot.perception import pose, pose_model
from care_robot.perception.bodies import SHOULDERS, Body, Landmark, middle
from care_robot.perception.pose import PictureEstimator, PoseEstimator, without_doubles
from care_robot.perception.pose_model import PoseModelError, build_bundle, cached_bundle

GREY = np.full((240, 320, 3), 128, np.uint8)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """A photograph of a woman from the waist up (public domain; comes with matplotlib)."""
    path = str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    return cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="module")
def estimator(tmp_path_factory: pytest.TempPathFactory) -> PoseEstimator:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return PoseEstimator()


def forget(estimator: PoseEstimator) -> None:
    for _ in range(3):
        estimator.detect(GREY, 0.0)


def test_a_person_is_found_where_she_is(estimator: PoseEstimator, portrait: np.ndarray) -> None:
    forget(estimator)
    (body,) = estimator.detect(portrait, 1.0)
    assert body.image[Landmark.NOSE] == pytest.approx([0.53, 0.37], abs=0.05)
    assert body.image[Landmark.LEFT_SHOULDER][0] > body.image[Landmark.RIGHT_SHOULDER][0]
    assert body.usable()
    assert 0.0 < body.score <= 1.0
    assert body.visibility[Landmark.NOSE] > 0.9
    assert body.visibility[Landmark.LEFT_ANKLE] < 0.5
    assert middle(body.world, SHOULDERS)[1] < -0.3  # above the hips; y points down


def test_nobody_is_found_where_nobody_is(estimator: PoseEstimator) -> None:
    noise = np.random.default_rng(1).integers(0, 256, GREY.shape, dtype=np.uint8)
    forget(estimator)
    for image in (GREY, np.zeros_like(GREY), np.full_like(GREY, 255), noise):
        assert estimator.detect(image, 2.0) == []


@pytest.mark.parametrize(
    "times", [[5.0, 5.0, 5.0], [9.0, 1.0, 0.5], [0.0, 1e9, 1e9 + 0.1], [1.0, -1.0, 0.0], [0.0, 1e-9, 2e-9]]
)
def test_time_may_stand_still_or_jump(
    estimator: PoseEstimator, portrait: np.ndarray, times: list[float]
) -> None:
    assert [len(estimator.detect(portrait, t_s)) for t_s in times] == [1, 1, 1]


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3), (7, 5, 3)])
def test_the_smallest_images_do_no_harm(estimator: PoseEstimator, shape: tuple[int, ...]) -> None:
    assert len(estimator.detect(np.zeros(shape, np.uint8), 1.0)) <= 2


def test_an_image_may_be_a_view_or_read_only(estimator: PoseEstimator, portrait: np.ndarray) -> None:
    view = portrait[..., ::-1][:, ::-1]
    view.flags.writeable = False
    estimator.detect(view, 1.0)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(estimator: PoseEstimator, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="An image must be"):
        estimator.detect(image, 1.0)


def test_what_was_forgotten_does_not_matter(estimator: PoseEstimator, portrait: np.ndarray) -> None:
    found = []
    for shift in (0, 60):
        for n in range(3):
            estimator.detect(np.roll(portrait, shift * n, axis=1), 50.0 + n)
        estimator.forget()
        (body,) = estimator.detect(portrait, 1.0)
        found.append(body.image)
    assert np.array_equal(*found)


def test_a_single_picture_is_looked_at_by_itself(portrait: np.ndarray) -> None:
    pictures = PictureEstimator()
    assert pictures.detect(GREY) is None
    body = pictures.detect(portrait)
    assert body is not None
    assert body.image[Landmark.NOSE] == pytest.approx([0.53, 0.37], abs=0.05)
    assert pictures.detect(GREY) is None
    again = pictures.detect(portrait)
    assert again is not None
    assert np.array_equal(again.image, body.image)
    with pytest.raises(ValueError, match="An image must be"):
        pictures.detect(GREY[..., 0])
    pictures.close()


def moved(body: Body, by: float, score: float) -> Body:
    return Body(body.image + by, body.world, body.visibility, score)


def test_a_person_found_twice_counts_once_and_two_count_twice(
    estimator: PoseEstimator, portrait: np.ndarray
) -> None:
    forget(estimator)
    (body,) = estimator.detect(portrait, 1.0)
    first, double, other = moved(body, 0.0, 0.9), moved(body, 0.01, 0.8), moved(body, 0.7, 0.7)
    for bodies in itertools.permutations([first, double, other]):
        assert without_doubles(list(bodies), 1.0) == [first, other]


def test_starting_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    PoseEstimator(1).close()
    PictureEstimator().close()
    assert capfd.readouterr() == ("", "")


def test_what_is_not_noise_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), pose._quiet_stderr():  # noqa: PT012 (the whole is what is tested)
        pose.os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nthe disk is on fire\n")
        raise KeyError
    assert capfd.readouterr().err == "the disk is on fire\n"


def test_the_bundle_is_the_same_every_time_and_holds_both_models(tmp_path: Path) -> None:
    path = cached_bundle(tmp_path / "new")
    assert path.read_bytes() == build_bundle()
    assert zipfile.ZipFile(path).namelist() == ["pose_detector.tflite", "pose_landmarks_detector.tflite"]


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_bundle_is_made_again(tmp_path: Path, damage: bytes | None) -> None:
    path = cached_bundle(tmp_path)
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"\x55" if damage is None else damage)
    assert cached_bundle(tmp_path).read_bytes() == good
    assert [file.name for file in tmp_path.iterdir()] == ["pose.task"]


def test_a_cache_that_cannot_be_written_blinds_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portrait: np.ndarray
) -> None:
    (tmp_path / "care_robot").write_text("a file where the directory should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert len(PoseEstimator(1).detect(portrait, 0.0)) == 1


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        cached_bundle(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_model_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        PoseModelError, match=r"pose_detection\.tflite cannot be read .* install mediapipe 0\.10\.21"
    ):
        build_bundle(tmp_path)


def test_a_damaged_model_is_named_with_the_remedy(tmp_path: Path) -> None:
    for _, file, _, _ in pose_model._MODELS:
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_bytes(b"not a model" * 10)
    with pytest.raises(PoseModelError, match=r"is damaged .* install mediapipe again"):
        build_bundle(tmp_path)
