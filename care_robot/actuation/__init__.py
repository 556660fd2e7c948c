"""What the robot does to the world: speech now, motion and arm later."""
