"""Stamps to seconds and back."""

from builtin_interfaces.msg import Time

NANOSECONDS = 1_000_000_000
MAX_STAMP_S = float(2**31)  # Time.sec is an int32


def to_seconds(stamp: Time) -> float:
    """Seconds of a stamp; exact to about 0.2 µs for dates of this century."""
    return float(stamp.sec) + float(stamp.nanosec) / NANOSECONDS


def to_stamp(t_s: float) -> Time:
    """Stamp of a time in seconds; ValueError where it is negative, not finite, or beyond 2038."""
    if not 0.0 <= t_s < MAX_STAMP_S:
        raise ValueError(f"{t_s} s cannot be a ROS stamp: it must lie between 0 and 2^31 s.")
    sec, nanosec = divmod(round(t_s * NANOSECONDS), NANOSECONDS)
    return Time(sec=int(sec), nanosec=int(nanosec))
