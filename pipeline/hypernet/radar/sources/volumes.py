"""The public bucket of NEXRAD Level II volumes: what a station has of a day, and one volume to a file."""

from __future__ import annotations

import datetime
import io
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.etree import ElementTree

import numpy as np

from hypernet.lab.acquire import PIECE, TIMEOUT_SECONDS
from hypernet.lab.errors import UserError

if TYPE_CHECKING:
    import requests

ADDRESS = "https://unidata-nexrad-level2.s3.amazonaws.com"
# Ten minutes apart a year of one radar is tens of thousands of requests: a bad minute of the network must not end it.
ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 1.0
ASK_AGAIN = (408, 429)
# KDVN20130401_000123_V06.gz; what ends in _MDM describes the radar and is no volume.
NAME = re.compile(r"([A-Z0-9]{4})(\d{8}_\d{6})(?:_V\d\d)?(?:\.gz)?")
# A page of the listing holds a thousand names.
LARGEST_LISTING = 2**24
# Bytes, as packed: the largest are some 30 MB.
LARGEST_VOLUME = 2**27
MOST_PAGES = 100


class RefusedError(UserError):
    """The server is there and does not give this file: asking again does not help, asking for others may."""


class UnreachableError(UserError):
    """No answer after several tries."""


@dataclass(frozen=True)
class Volume:
    """A volume of the bucket.

    Attributes:
        key: its name in the bucket.
        bytes: its size.
        time: the beginning of the scan, as its name says, datetime64[s].
    """

    key: str
    bytes: int
    time: np.datetime64

    @property
    def name(self) -> str:
        """Its file name."""
        return self.key.rpartition("/")[2]


class Bucket:
    """The bucket at an address, by plain HTTP: no account is needed.

    Args:
        address: without a slash at its end.

    Raises:
        UserError: it is no address.
    """

    def __init__(self, address: str = ADDRESS):
        import requests

        if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", address):
            raise UserError(f"address {address}: accepted: http://... or https://...")
        self.address = address.rstrip("/")
        self.session = requests.Session()

    def volumes(self, station: str, day: datetime.date) -> list[Volume]:
        """What the bucket has of a station and a day (UTC), in the order of time; empty where there is nothing.

        Raises:
            UserError: the server cannot be reached, refuses, or what it sends is no listing.
        """
        prefix, token = f"{day:%Y/%m/%d}/{station}/", dict[str, str]()
        volumes: list[Volume] = []
        for _ in range(MOST_PAGES):
            page = io.BytesIO()
            parameters = {"list-type": "2", "prefix": prefix, **token}
            self._get(f"{self.address}/", parameters, page, LARGEST_LISTING)
            listed, following = _listed(page.getvalue(), f"{self.address}/?prefix={prefix}")
            volumes += [
                volume for volume in listed if volume.name.startswith(station) and volume.key.startswith(prefix)
            ]
            if following is None:
                return sorted(volumes, key=lambda volume: (volume.time, volume.key))
            token = {"continuation-token": following}
        raise UserError(f"{self.address}/?prefix={prefix}: the listing does not end after {MOST_PAGES} pages")

    def fetch(self, volume: Volume, path: Path) -> None:
        """Write a volume to ``path``.

        Raises:
            RefusedError: the server does not give it.
            UserError: the server cannot be reached, or breaks off again and again.
        """
        try:
            with path.open("wb") as file:
                self._get(f"{self.address}/{volume.key}", {}, file, LARGEST_VOLUME)
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None

    def _get(self, url: str, parameters: dict[str, str], into: BinaryIO, most: int) -> None:
        """What stands at an address, whole and not above ``most`` bytes; asked for again with growing pauses."""
        import requests
        import urllib3

        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            into.seek(0)
            into.truncate()
            try:
                with self.session.get(url, params=parameters, stream=True, timeout=TIMEOUT_SECONDS) as answer:
                    if 400 <= answer.status_code < 500 and answer.status_code not in ASK_AGAIN:
                        raise RefusedError(f"{answer.url}: the server says {answer.status_code} {answer.reason}")
                    answer.raise_for_status()
                    _copy(answer, into, most)
            except requests.HTTPError as error:
                reason = f"the server says {error.response.status_code} {error.response.reason}"
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                reason = type(error).__name__
            else:
                return
        raise UnreachableError(f"{url}: no answer after {ATTEMPTS} tries ({reason})")


def _copy(answer: requests.Response, into: BinaryIO, most: int) -> None:
    """The body of an answer, counted: a connection that closes early is an error, and so is one that goes on."""
    import requests

    # As it is sent: a volume packed by gzip stays so.
    for piece in answer.raw.stream(PIECE, decode_content=False):
        into.write(piece)
        if into.tell() > most:
            raise RefusedError(f"{answer.url}: more than {most:,} bytes")
    length = answer.headers.get("Content-Length")
    if length is not None and into.tell() != int(length):
        raise requests.ConnectionError(f"closed after {into.tell()} of {length} bytes")


def _listed(page: bytes, where: str) -> tuple[list[Volume], str | None]:
    """Volumes on a page of a listing, and the token of the next page or None."""
    try:
        names, token = _parsed(page)
    except (ElementTree.ParseError, ValueError) as error:
        reason = " ".join(str(error).split())[:100]
        raise UserError(f"{where}: the answer is no listing of a bucket ({reason})") from None
    return [Volume(key, size, began) for key, size in names if (began := _time_of(key)) is not None], token


class _Plain(ElementTree.TreeBuilder):
    """Elements without a document type: no listing has one, and its entities may stand for gigabytes."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise ValueError(f"a document type {name}")


def _parsed(page: bytes) -> tuple[list[tuple[str, int]], str | None]:
    """Names and sizes on a page of a listing (ListObjectsV2), and the token of the next page or None."""
    root = ElementTree.fromstring(page, ElementTree.XMLParser(target=_Plain()))
    if root.tag.rpartition("}")[2] != "ListBucketResult":
        raise ValueError(f"<{root.tag}>")
    names = [
        (entry.findtext("{*}Key", ""), int(entry.findtext("{*}Size", ""))) for entry in root.iterfind("{*}Contents")
    ]
    if root.findtext("{*}IsTruncated", "false") != "true":
        return names, None
    token = root.findtext("{*}NextContinuationToken")
    if not token:
        raise ValueError("it goes on, but does not say where")
    return names, token


def _time_of(key: str) -> np.datetime64 | None:
    """When a volume's scan began, by its name; None where it is no volume."""
    matched = NAME.fullmatch(key.rpartition("/")[2])
    try:
        return matched and np.datetime64(datetime.datetime.strptime(matched.group(2), "%Y%m%d_%H%M%S"), "s")
    except ValueError:
        return None
