"""What is kept of large answers, and how much of it."""

from typing import Any

from google.protobuf.wrappers_pb2 import StringValue

from gateway.transcode.remembered import LEAST_BYTES, Made, Remembered


class Maker:
    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, answer: Any) -> Made:
        self.made.append(answer.value[:1])
        return Made(answer.value.encode(), {"first": answer.value[:1]})


def large(letter: str) -> StringValue:
    return StringValue(value=letter * LEAST_BYTES)


def test_what_is_asked_for_again_is_made_no_third_time() -> None:
    remembered, make, other = Remembered(), Maker(), Maker()
    for letter in "aabbaabb":
        assert remembered.made(make, large(letter)) == Made(letter.encode() * LEAST_BYTES, {"first": letter})
    remembered.made(other, large("a"))
    assert (make.made, other.made) == (["a", "a", "b", "b"], ["a"])


def test_what_is_asked_for_once_is_not_kept() -> None:
    remembered, make = Remembered(), Maker()
    remembered.made(make, large("a"))
    assert (make.made, remembered.bytes) == (["a"], 0)


def test_small_answers_are_not_kept() -> None:
    remembered, make = Remembered(), Maker()
    for _ in range(2):
        assert remembered.made(make, StringValue(value="s")).json == b"s"
    assert (make.made, remembered.bytes) == (["s", "s"], 0)


def test_what_was_not_asked_for_longest_makes_room() -> None:
    one = large("a")
    remembered, make = Remembered(most_bytes=2 * (one.ByteSize() + LEAST_BYTES)), Maker()
    for letter in "aabbaccab":
        remembered.made(make, large(letter))
    assert make.made == ["a", "a", "b", "b", "c", "c", "b"]
    assert remembered.bytes == 2 * (one.ByteSize() + LEAST_BYTES)
