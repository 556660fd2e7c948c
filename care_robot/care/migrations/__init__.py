"""Migrations of the care database; run by `care_robot.care.store` when it opens one."""
