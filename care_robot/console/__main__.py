"""``python -m care_robot.console``: what ``./care`` runs."""

from care_robot.console.cli import main

main()
