"""Uploaded files, in a folder or in an S3-compatible bucket: typed by their bytes, capped, and named by us.

A client's file name is data for a database row and never a path. What a file is, is read from its content; what may be
stored, says the caller. All access is asynchronous: the library works on threads of its own.
"""

import codecs
import hashlib
import os
import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

import filetype  # type: ignore[import-untyped] # the package has no types
import grpc
import obstore
from obstore.store import LocalStore, S3Store

from servicekit.errors import Invalid, NotFound, Refusal

MEBIBYTE = 1024 * 1024
SNIFF_BYTES = 8_192
CHUNK_BYTES = 256 * 1024
SHARED_FOLDER = "shared"

_KEY = re.compile(r"[a-z0-9-]+/[a-z0-9_]+/[0-9a-f-]{36}\.[a-z0-9]{1,5}")
_FOLDER = re.compile(r"[a-z0-9_]{1,40}")
# Types that have no signature: any text without control characters will do.
_TEXTS = {"text/csv": "csv", "text/plain": "txt"}

IMAGES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/heic"})
DOCUMENTS = frozenset(
    {
        "application/pdf",
        "application/msword",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
)
TABLES = frozenset({"text/csv"})
AUDIO = frozenset({"audio/mpeg", "audio/mp4", "audio/ogg", "audio/aac", "audio/amr", "audio/x-wav"})


class FileTooLarge(Refusal):
    """More bytes than the place takes: 413."""

    grpc_code = grpc.StatusCode.OUT_OF_RANGE
    default_code = "file_too_large"
    http_status = 413


@dataclass(frozen=True, slots=True)
class Accept:
    """What a place takes: content types, and at most how many bytes."""

    types: frozenset[str]
    max_bytes: int = 10 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What a service keeps of a file in its own row."""

    key: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A stored file that is being read."""

    size: int
    chunks: AsyncIterator[bytes]


class Files:
    """The file storage of a service."""

    def __init__(self, store: LocalStore | S3Store) -> None:
        self._store: Any = store

    @classmethod
    def from_url(cls, url: str) -> "Files":
        """Opens `file:///folder` or `s3://bucket/prefix`; credentials and endpoint of S3 come from AWS_* variables.

        Raises ValueError for another kind of URL.
        """
        parts = urlsplit(url)
        if parts.scheme == "file" and not parts.netloc and parts.path not in ("", "/"):
            return cls(LocalStore(Path(unquote(parts.path)), mkdir=True))
        if parts.scheme == "s3" and parts.netloc:
            return cls(
                S3Store.from_url(
                    url,
                    client_options={
                        "connect_timeout": timedelta(seconds=5),
                        "timeout": timedelta(seconds=30),
                        # The library reads this variable itself only when it is given no options.
                        "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true",
                    },
                    retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
                )
            )
        raise ValueError(f"files can be kept at file:///folder or s3://bucket/prefix, not at {url!r}")

    async def put(
        self, restaurant_id: UUID | None, folder: str, content: AsyncIterable[bytes] | bytes, *, accept: Accept
    ) -> StoredFile:
        """Stores a file under a fresh name in the restaurant's part of the storage.

        Raises Invalid for an empty file or a type that is not taken and FileTooLarge beyond the limit; nothing is left
        behind then. Raises ValueError for a folder that is no plain word.
        """
        if _FOLDER.fullmatch(folder) is None:
            raise ValueError(f"{folder!r} is no name for a folder")
        reading = _Reading(_chunks_of(content), accept)
        await reading.begin()
        tenant = str(restaurant_id) if restaurant_id else SHARED_FOLDER
        key = f"{tenant}/{folder}/{uuid4()}.{reading.extension}"
        try:
            await obstore.put_async(
                self._store, key, reading.chunks(), attributes=self._attributes(reading.content_type)
            )
        except Exception:
            # The library reports a failure of the source as one of its own.
            if reading.failure is not None:
                raise reading.failure from None
            raise
        return StoredFile(key, reading.content_type, reading.size, reading.sha256)

    async def open(self, key: str) -> OpenFile:
        """A stored file, to be read in pieces. Raises NotFound."""
        result = await self._get(key)
        return OpenFile(result.meta["size"], _pieces(result))

    async def read(self, key: str) -> bytes:
        """The whole of a stored file. Raises NotFound."""
        return bytes(await (await self._get(key)).bytes_async())

    async def delete(self, key: str) -> None:
        """Removes a file; one that is not there is no error."""
        try:
            await obstore.delete_async(self._store, _checked(key))
        except FileNotFoundError:
            return

    async def signed_url(self, key: str, lifetime: timedelta = timedelta(minutes=5)) -> str | None:
        """A URL under which anybody may fetch the file for a while, or None where only we can serve it."""
        if isinstance(self._store, LocalStore):
            return None
        return await obstore.sign_async(self._store, "GET", _checked(key), lifetime)

    async def ping(self) -> None:
        """Fails when the storage cannot be written to and read from."""
        await obstore.put_async(self._store, "health", b"ok")
        await (await obstore.get_async(self._store, "health")).bytes_async()

    async def _get(self, key: str) -> Any:
        try:
            return await obstore.get_async(self._store, _checked(key))
        except FileNotFoundError:
            raise NotFound("The file is gone.", code="file_not_found") from None

    def _attributes(self, content_type: str) -> Any:
        return None if isinstance(self._store, LocalStore) else {"Content-Type": content_type}


class _Reading:
    """An upload on its way: its beginning tells the type, and every byte is counted and digested."""

    def __init__(self, source: AsyncIterator[bytes], accept: Accept) -> None:
        self._source = source
        self._accept = accept
        self._head = b""
        self._digest = hashlib.sha256()
        self._decoder: codecs.IncrementalDecoder | None = None
        self.content_type = ""
        self.extension = ""
        self.size = 0
        self.failure: Exception | None = None

    @property
    def sha256(self) -> str:
        """The digest of what was read, in hexadecimal."""
        return self._digest.hexdigest()

    async def begin(self) -> None:
        """Reads enough to know the type. Raises Invalid or FileTooLarge."""
        while len(self._head) < SNIFF_BYTES and (chunk := await anext(self._source, b"")):
            self._head += chunk
            if len(self._head) > self._accept.max_bytes:
                raise self._too_large()
        if not self._head:
            raise Invalid.field("file", "The submitted file is empty.", code="file_empty")
        self.content_type, self.extension = self._sniff()
        if self.content_type not in self._accept.types:
            raise Invalid.field("file", "This type of file is not accepted.", code="file_type_not_accepted")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The whole content, checked as it passes."""
        try:
            chunk = self._head
            while chunk:
                self._check(chunk)
                yield chunk
                chunk = await anext(self._source, b"")
        except Exception as error:
            self.failure = error
            raise

    def _check(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > self._accept.max_bytes:
            raise self._too_large()
        if self._decoder is not None and not _is_text(self._decoder, chunk):
            raise Invalid.field("file", "The file is not plain text in UTF-8.", code="file_type_not_accepted")
        self._digest.update(chunk)

    def _sniff(self) -> tuple[str, str]:
        kind = filetype.guess(self._head)
        if kind is not None:
            return kind.mime, kind.extension
        if _is_text(_utf8(), self._head):
            for content_type, extension in _TEXTS.items():
                if content_type in self._accept.types:
                    self._decoder = _utf8()
                    return content_type, extension
        return "", ""

    def _too_large(self) -> FileTooLarge:
        text = f"The file is larger than {self._accept.max_bytes / MEBIBYTE:g} MiB."
        return FileTooLarge(text, fields={"file": text})


def _utf8() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")()


def _is_text(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    try:
        text = decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return not any(character < " " and character not in "\t\r\n\f" for character in text)


def _chunks_of(content: AsyncIterable[bytes] | bytes) -> AsyncIterator[bytes]:
    return _one(content) if isinstance(content, bytes) else aiter(content)


async def _one(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


async def _pieces(result: Any) -> AsyncIterator[bytes]:
    async for piece in result.stream(min_chunk_size=CHUNK_BYTES):
        yield bytes(piece)


def _checked(key: str) -> str:
    """The key itself. Raises NotFound for one that this storage cannot have given out."""
    if _KEY.fullmatch(key) is None:
        raise NotFound("The file is gone.", code="file_not_found")
    return key
