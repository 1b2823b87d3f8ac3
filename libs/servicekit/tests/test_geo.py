"""Distances and areas against known places and their own laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.geo import distance_metres, inside_polygon

latitudes = st.floats(-89, 89)
longitudes = st.floats(-179, 179)
SQUARE = [[33.0, -7.0], [33.0, -6.999], [33.001, -6.999], [33.001, -7.0]]


def test_casablanca_to_rabat() -> None:
    assert distance_metres(33.5731, -7.5898, 34.0209, -6.8416) == pytest.approx(85_300, rel=0.01)


@given(latitudes, longitudes, latitudes, longitudes)
def test_distance_is_symmetric_and_never_negative(a: float, b: float, c: float, d: float) -> None:
    there, back = distance_metres(a, b, c, d), distance_metres(c, d, a, b)
    assert there == pytest.approx(back, abs=1e-3)
    assert there >= 0


@given(latitudes, longitudes)
def test_nowhere_is_far_from_itself(latitude: float, longitude: float) -> None:
    assert distance_metres(latitude, longitude, latitude, longitude) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("latitude", "longitude", "inside"),
    [(33.0005, -6.9995, True), (33.0005, -7.0005, False), (33.0015, -6.9995, False), (32.9995, -6.9995, False)],
)
def test_a_square_contains_its_inside(latitude: float, longitude: float, inside: bool) -> None:
    assert inside_polygon(latitude, longitude, SQUARE) is inside
    assert inside_polygon(latitude, longitude, list(reversed(SQUARE))) is inside


@pytest.mark.parametrize("corners", [[], SQUARE[:1], SQUARE[:2]])
def test_fewer_than_three_corners_contain_nothing(corners: list[list[float]]) -> None:
    assert not inside_polygon(33.0005, -6.9995, corners)
