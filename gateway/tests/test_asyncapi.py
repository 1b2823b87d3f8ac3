"""The AsyncAPI document against what is really published."""

import re
from typing import Any
from uuid import uuid4

import orjson
import pytest

from gateway.asyncapi import document, public_events
from gateway.settings import DESCRIPTORS
from gateway.transcode.catalog import Catalog
from mizan.identity.events.v1 import events_pb2 as facts
from servicekit import events, wire


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document(Catalog.load(DESCRIPTORS), public_events(DESCRIPTORS))


def test_every_public_event_has_its_channel_and_no_other(made: dict[str, Any]) -> None:
    public = {(kind.service, kind.type) for _, kind in public_events(DESCRIPTORS)}
    assert ("identity", "staff.joined") in public
    addresses = {channel["address"] for channel in made["channels"].values()}
    assert addresses == {f"evt.public.{{restaurant}}.{service}.{kind}.v1" for service, kind in public}


def test_an_address_is_the_subject_that_events_go_out_on(made: dict[str, Any]) -> None:
    kind, restaurant = events.type_of(facts.StaffJoined), uuid4()
    address = made["channels"]["identity_staff_joined"]["address"]
    assert address.replace("{restaurant}", str(restaurant)) == kind.public_subject(restaurant)


def test_an_encoded_event_has_exactly_the_described_fields(made: dict[str, Any]) -> None:
    data = made["components"]["messages"]["identity_staff_joined"]["payload"]["properties"]["data"]
    sent = wire.encode(facts.StaffJoined())
    assert set(data["properties"]) == set(sent)


def test_every_reference_leads_somewhere(made: dict[str, Any]) -> None:
    for reference in set(re.findall(rb'"\$ref":"#/([^"]+)"', orjson.dumps(made))):
        place: Any = made
        for step in reference.decode().split("/"):
            assert step in place, reference
            place = place[step]
