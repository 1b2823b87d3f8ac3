"""A restaurant's fence: a circle around its coordinates, or a polygon where one is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from servicekit.geo import distance_metres, inside_polygon


@dataclass(frozen=True, slots=True)
class Fence:
    """Where on site begins. `radius` is in metres, corners are [latitude, longitude] pairs."""

    latitude: Decimal
    longitude: Decimal
    radius: Decimal
    corners: Sequence[Sequence[float]] = ()

    def distance_to(self, latitude: float, longitude: float) -> float:
        """Metres from the restaurant's coordinates to a point."""
        return distance_metres(float(self.latitude), float(self.longitude), latitude, longitude)

    def contains(self, latitude: float, longitude: float) -> bool:
        """Whether a point is on site: inside the polygon where there is one, inside the circle otherwise."""
        if len(self.corners) >= 3:
            return inside_polygon(latitude, longitude, self.corners)
        return self.distance_to(latitude, longitude) <= float(self.radius)
