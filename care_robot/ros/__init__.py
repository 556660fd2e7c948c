"""The house layer over rclpy: node base, QoS, parameters, transforms, conversions."""
