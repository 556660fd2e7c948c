"""Measuring what the system does: benchmarks and, later, scenarios and clips."""
