"""File storage in a folder, and on a server that speaks S3."""

import asyncio
import hashlib
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from servicekit import files
from servicekit.errors import Invalid, NotFound
from servicekit.files import Accept, Files, FileTooLarge

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 100
PDF = b"%PDF-1.7\n" + b"x" * 100
PICTURES = Accept(files.IMAGES, max_bytes=1024)
RESTAURANT = UUID("7b1f6a52-3a55-4f0c-9f39-0a1d8a0c7a11")


@pytest.fixture
def folder(tmp_path: Path) -> Files:
    return Files.from_url(f"file://{tmp_path}/files%20of%20us")


def everything_in(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.rglob("*") if path.is_file()]


async def in_pieces(content: bytes, size: int = 7) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        await asyncio.sleep(0)
        yield content[start : start + size]


async def test_a_file_is_kept_under_our_name_and_comes_back_whole(folder: Files, tmp_path: Path) -> None:
    stored = await folder.put(RESTAURANT, "documents", in_pieces(PNG), accept=PICTURES)
    assert (stored.content_type, stored.size) == ("image/png", len(PNG))
    assert stored.sha256 == hashlib.sha256(PNG).hexdigest()
    assert stored.key.startswith(f"{RESTAURANT}/documents/")
    assert stored.key.endswith(".png")
    assert (tmp_path / "files of us" / stored.key).read_bytes() == PNG
    assert await folder.read(stored.key) == PNG
    opened = await folder.open(stored.key)
    assert opened.size == len(PNG)
    assert b"".join([piece async for piece in opened.chunks]) == PNG
    assert await folder.signed_url(stored.key) is None


async def test_a_file_of_no_restaurant(folder: Files) -> None:
    assert (await folder.put(None, "avatars", PNG, accept=PICTURES)).key.startswith("shared/avatars/")


async def test_deleting_is_final_and_may_be_repeated(folder: Files) -> None:
    stored = await folder.put(RESTAURANT, "documents", PNG, accept=PICTURES)
    await folder.delete(stored.key)
    await folder.delete(stored.key)
    with pytest.raises(NotFound):
        await folder.read(stored.key)
    with pytest.raises(NotFound):
        await folder.open(stored.key)


@pytest.mark.parametrize("size", [1025, 20_000, 3_000_000])
async def test_too_large_is_refused_and_leaves_nothing(folder: Files, tmp_path: Path, size: int) -> None:
    with pytest.raises(FileTooLarge) as refused:
        await folder.put(RESTAURANT, "documents", PNG + b"\0" * (size - len(PNG)), accept=PICTURES)
    assert (refused.value.http_status, refused.value.code) == (413, "file_too_large")
    assert everything_in(tmp_path) == []


async def test_too_large_is_noticed_behind_the_sniffed_beginning(folder: Files, tmp_path: Path) -> None:
    accept = Accept(files.IMAGES, max_bytes=files.SNIFF_BYTES * 2)
    endless = 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal endless
        yield PNG
        while True:
            endless += 1
            yield b"\0" * 1000

    with pytest.raises(FileTooLarge):
        await folder.put(RESTAURANT, "documents", source(), accept=accept)
    assert endless < 30
    assert everything_in(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        PDF,
        b"<html><script>alert(1)</script></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"MZ\x90\0" + b"\0" * 64,
        b"\0\1\2\3",
        b"GI",
    ],
)
async def test_a_type_that_is_not_taken_is_refused_whatever_it_calls_itself(
    folder: Files, tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(Invalid) as refused:
        await folder.put(RESTAURANT, "documents", content, accept=PICTURES)
    assert refused.value.code == "file_type_not_accepted"
    assert "file" in refused.value.fields
    assert everything_in(tmp_path) == []


async def test_an_empty_file_is_refused(folder: Files) -> None:
    with pytest.raises(Invalid) as refused:
        await folder.put(RESTAURANT, "documents", b"", accept=PICTURES)
    assert refused.value.code == "file_empty"


async def test_a_table_is_text_to_its_end(folder: Files, tmp_path: Path) -> None:
    accept = Accept(files.TABLES, max_bytes=1_000_000)
    table = ("nom;rôle\n" + "Zoé;chef\n" * 3000).encode()
    stored = await folder.put(RESTAURANT, "imports", in_pieces(table, 8191), accept=accept)
    assert (stored.content_type, stored.key[-4:]) == ("text/csv", ".csv")
    with pytest.raises(Invalid):
        await folder.put(RESTAURANT, "imports", in_pieces(table + b"\xff\xfe\0", 8191), accept=accept)
    assert len(everything_in(tmp_path)) == 1


async def test_a_source_that_breaks_leaves_nothing(folder: Files, tmp_path: Path) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield PNG + b"\0" * 9000
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await folder.put(RESTAURANT, "documents", breaks(), accept=Accept(files.IMAGES))
    assert everything_in(tmp_path) == []


@pytest.mark.parametrize(
    "key", ["../secret", "/etc/passwd", "a/../../b", "", f"{UUID(int=7)}/documents/../x.png", "a/b"]
)
async def test_a_key_that_was_never_given_out_is_not_found(folder: Files, key: str) -> None:
    with pytest.raises(NotFound):
        await folder.read(key)
    with pytest.raises(NotFound):
        await folder.delete(key)


@pytest.mark.parametrize("name", ["../up", "Documents", "a b", ""])
async def test_a_folder_is_a_plain_word(folder: Files, name: str) -> None:
    with pytest.raises(ValueError, match="folder"):
        await folder.put(RESTAURANT, name, PNG, accept=PICTURES)


@pytest.mark.parametrize("url", ["file:///", "ftp://host/x", "/plain/path", "s3:///no-bucket", "file://host/share"])
def test_other_places_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="files can be kept"):
        Files.from_url(url)


@settings(max_examples=40, deadline=None)
@given(content=st.binary(min_size=1, max_size=3000), size=st.integers(1, 3000))
def test_whatever_is_sent_is_stored_whole_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, size: int
) -> None:
    place = tmp_path_factory.mktemp("files")
    storage = Files.from_url(f"file://{place}")

    async def check() -> None:
        body = PNG + content
        try:
            stored = await storage.put(RESTAURANT, "x", in_pieces(body, size), accept=Accept(files.IMAGES, 1500))
        except FileTooLarge:
            assert len(body) > 1500
            assert everything_in(place) == []
        else:
            assert len(body) <= 1500
            assert await storage.read(stored.key) == body

    asyncio.run(check())


async def test_health_of_the_folder(folder: Files, tmp_path: Path) -> None:
    await folder.ping()
    assert [path.name for path in everything_in(tmp_path)] == ["health"]


class Bucket:
    """As much of S3 as the client uses; remembers what it was sent."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.parts: dict[int, bytes] = {}
        self.aborted = 0
        self.unsigned = 0

    async def answer(self, request: Request) -> Response:
        key, query = request.path_params["key"], request.query_params
        signed = request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256") or "X-Amz-Signature" in query
        if not signed:
            self.unsigned += 1
            return Response(status_code=403)
        if request.method == "POST" and "uploads" in query:
            self.parts = {}
            return _xml(
                f"<InitiateMultipartUploadResult><UploadId>{request.headers.get('content-type')}</UploadId>"
                "</InitiateMultipartUploadResult>"
            )
        if request.method == "POST" and "delete" in query:
            keys = re.findall("<Key>(.*?)</Key>", (await request.body()).decode())
            for deleted in keys:
                self.objects.pop(deleted, None)
            done = "".join(f"<Deleted><Key>{deleted}</Key></Deleted>" for deleted in keys)
            return _xml(f"<DeleteResult>{done}</DeleteResult>")
        if request.method == "POST":
            whole = b"".join(self.parts[number] for number in sorted(self.parts))
            self.objects[key] = (whole, query["uploadId"])
            return _xml('<CompleteMultipartUploadResult><ETag>"1"</ETag></CompleteMultipartUploadResult>')
        if request.method == "PUT" and "partNumber" in query:
            self.parts[int(query["partNumber"])] = await request.body()
            return Response(headers={"ETag": f'"{query["partNumber"]}"'})
        if request.method == "PUT":
            self.objects[key] = (await request.body(), request.headers.get("content-type", ""))
            return Response(headers={"ETag": '"1"'})
        if request.method == "DELETE":
            self.aborted += "uploadId" in query
            self.objects.pop(key, None)
            return Response(status_code=204)
        if key not in self.objects:
            return _xml("<Error><Code>NoSuchKey</Code></Error>", 404)
        content, content_type = self.objects[key]
        return Response(content, media_type=content_type, headers={"ETag": '"1"', "Last-Modified": _DATE})


_DATE = "Sun, 01 Mar 2026 00:00:00 GMT"


def _xml(body: str, status: int = 200) -> Response:
    return Response(f'<?xml version="1.0"?>{body}', status, media_type="application/xml")


@asynccontextmanager
async def serving(bucket: Bucket) -> AsyncIterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=[Route("/papers/{key:path}", bucket.answer, methods=["GET", "PUT", "POST", "DELETE"])])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    task = asyncio.create_task(server._serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def s3(environment: pytest.MonkeyPatch) -> AsyncIterator[tuple[Bucket, Files]]:
    bucket = Bucket()
    async with serving(bucket) as endpoint:
        environment.setenv("AWS_ENDPOINT", endpoint)
        environment.setenv("AWS_ALLOW_HTTP", "true")
        environment.setenv("AWS_REGION", "eu-west-3")
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield bucket, Files.from_url("s3://papers/prefix")


async def test_s3_keeps_type_and_content(monkeypatch: pytest.MonkeyPatch) -> None:
    async with s3(monkeypatch) as (bucket, storage):
        stored = await storage.put(RESTAURANT, "documents", in_pieces(PNG), accept=PICTURES)
        assert bucket.objects == {f"prefix/{stored.key}": (PNG, "image/png")}
        assert await storage.read(stored.key) == PNG
        url = await storage.signed_url(stored.key)
        async with httpx.AsyncClient() as client:
            assert (await client.get(str(url))).content == PNG
            assert (await client.get(str(url).split("?")[0])).status_code == 403
        await storage.delete(stored.key)
        with pytest.raises(NotFound):
            await storage.read(stored.key)
        assert bucket.unsigned == 1


async def test_s3_takes_large_files_in_parts_and_forgets_refused_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    large = PNG + bytes(11 * files.MEBIBYTE)
    async with s3(monkeypatch) as (bucket, storage):
        stored = await storage.put(
            RESTAURANT, "documents", in_pieces(large, 100_000), accept=Accept(files.IMAGES, 12 * files.MEBIBYTE)
        )
        assert bucket.objects[f"prefix/{stored.key}"][0] == large
        assert len(bucket.parts) > 1
        with pytest.raises(FileTooLarge):
            await storage.put(
                RESTAURANT, "documents", in_pieces(large, 100_000), accept=Accept(files.IMAGES, 10 * files.MEBIBYTE)
            )
        assert list(bucket.objects) == [f"prefix/{stored.key}"]
        assert bucket.aborted == 1
