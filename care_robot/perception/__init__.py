"""Cameras, pose, people, falls."""
