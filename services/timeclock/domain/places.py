"""Whether somebody is where the restaurant is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from servicekit.geo import distance_metres, inside_polygon

SMALLEST_RADIUS: Final = 5.0
LARGEST_RADIUS: Final = 100.0
WEAKEST_ON_THE_WEB: Final = 100.0
WEAKEST_AT_THE_KIOSK: Final = 50.0


@dataclass(frozen=True, slots=True)
class Site:
    """A restaurant's place: a circle around a point, or the area within corners of [latitude, longitude]."""

    latitude: float
    longitude: float
    radius: float
    corners: Sequence[Sequence[float]] = ()

    @property
    def reach(self) -> float:
        """The radius that counts, in metres."""
        return min(max(self.radius, SMALLEST_RADIUS), LARGEST_RADIUS)

    def distance_to(self, latitude: float, longitude: float) -> float:
        """Metres to a point."""
        return distance_metres(self.latitude, self.longitude, latitude, longitude)

    def contains(self, latitude: float, longitude: float) -> bool:
        """Whether a point is on site."""
        if len(self.corners) >= 3:
            return inside_polygon(latitude, longitude, self.corners)
        return self.distance_to(latitude, longitude) <= self.reach


def in_words(metres: float) -> str:
    """A distance as people read it: "12m", or "3.4 km" from a kilometre on."""
    return f"{round(metres)}m" if metres < 1000 else f"{metres / 1000:.1f} km"


def is_given(latitude: float | None, longitude: float | None) -> bool:
    """Whether a position was sent; devices that know none send zeros."""
    return bool(latitude) and bool(longitude)


def is_too_vague(accuracy: float | None, weakest: float) -> bool:
    """Whether a position says too little about where somebody is."""
    return accuracy is not None and accuracy > weakest
