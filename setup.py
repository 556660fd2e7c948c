"""The ament_python package `care_robot`: nodes under lib/care_robot, shared files under share."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = "care_robot"
SHARED_FOLDERS = ("launch", "config", "sim")

NODES = {
    "video_camera": "perception.video_camera_node",
    "pose_estimator": "perception.pose_estimator_node",
    "people_tracker": "perception.people_tracker_node",
    "fall_detector": "perception.fall_detector_node",
    "care_manager": "care.care_manager_node",
    "speech": "actuation.speech_node",
    "safety_supervisor": "actuation.safety_supervisor_node",
    "task_manager": "planning.task_manager_node",
    "operator_web": "console.operator_web_node",
    "lifecycle_manager": "bringup.lifecycle_manager_node",
    "state_publisher": "actuation.state_publisher_node",
    "gazebo_files": "simulation.gazebo_files",
    "gazebo_signals": "simulation.gazebo_signals_node",
    "simulator": "simulation.simulator_node",
    "kinematic_simulator": "simulation.kinematic_simulator_node",
    "sim_cameras": "simulation.sim_cameras_node",
    "world_view": "simulation.world_view_node",
}


def shared_files() -> list[tuple[str, list[str]]]:
    """(folder under the prefix, files) for everything that is installed to share."""
    folders = [
        folder
        for top in SHARED_FOLDERS
        for folder in (Path(top), *sorted(Path(top).rglob("*")))
        if folder.is_dir()
    ]
    entries = [(f"share/{NAME}/{f}", [str(p) for p in sorted(f.iterdir()) if p.is_file()]) for f in folders]
    return [entry for entry in entries if entry[1]]


setup(
    name=NAME,
    version="0.1.0",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={
        NAME: [
            "py.typed",
            *("care/migrations/*.mako", "care/migrations/versions/*.py"),
            *("console/*.css", "console/*.js", "simulation/*.html"),
        ]
    },
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/care_robot"]),
        (f"share/{NAME}", ["package.xml"]),
        *shared_files(),
    ],
    zip_safe=False,
    maintainer="care_robot maintainers",
    maintainer_email="maintainers@care-robot.invalid",
    description="Care-robot control stack on ROS 2.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            *(f"{name} = {NAME}.{module}:main" for name, module in NODES.items()),
        ],
    },
)
