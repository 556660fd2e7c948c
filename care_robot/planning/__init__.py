"""What the robot does and in which order: tasks, places, behaviour trees."""
