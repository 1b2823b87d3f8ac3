"""Distances and areas on the ground."""

import math
from collections.abc import Sequence

EARTH_RADIUS_METRES = 6_371_008.8


def distance_metres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """The great-circle distance between two points in degrees, by the haversine formula."""
    phi, other_phi = math.radians(latitude), math.radians(other_latitude)
    half_phi = (other_phi - phi) / 2
    half_lambda = math.radians(other_longitude - longitude) / 2
    chord = math.sin(half_phi) ** 2 + math.cos(phi) * math.cos(other_phi) * math.sin(half_lambda) ** 2
    return 2 * EARTH_RADIUS_METRES * math.asin(min(1.0, math.sqrt(chord)))


def inside_polygon(latitude: float, longitude: float, corners: Sequence[Sequence[float]]) -> bool:
    """Whether a point lies inside a polygon of [latitude, longitude] corners, by the even-odd rule.

    For areas the size of a building plot, where a degree grid is straight; fewer than three corners contain nothing.
    """
    inside = False
    for index, (corner_latitude, corner_longitude) in enumerate(corners):
        previous_latitude, previous_longitude = corners[index - 1]
        crosses = (corner_latitude > latitude) != (previous_latitude > latitude)
        if crosses:
            slope = (previous_longitude - corner_longitude) / (previous_latitude - corner_latitude)
            if longitude < corner_longitude + (latitude - corner_latitude) * slope:
                inside = not inside
    return inside and len(corners) >= 3
