"""An S3 client through the proxy to two real gateways: etc/ceph-rgw/haproxy.cfg at work."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

from tests.e2e.conftest import Front
from tests.e2e.gateways import Gateways

MIB = 1 << 20
CLIENTS = 8
STATE_SECONDS = 30.0
pytestmark = pytest.mark.timeout(180)


def payload(n: int, seed: int) -> bytes:
    """n bytes that do not repeat, so that a shifted or doubled block shows."""
    return hashlib.shake_128(seed.to_bytes(4, "big")).digest(n)


@pytest.fixture(params=["http", "https"])
def s3(request: pytest.FixtureRequest, front: Front, gateways: Gateways) -> Any:
    """A client that speaks through the proxy."""
    return client(front, gateways, request.param)


def client(front: Front, gateways: Gateways, scheme: str) -> Any:
    """A new client with connections of its own, which tries a failed request again a few times, as S3 clients do."""
    options = Config(
        s3={"addressing_style": "path"}, retries={"max_attempts": 5, "mode": "standard"}, connect_timeout=10, read_timeout=30,
        proxies={}, request_checksum_calculation="when_required", response_checksum_validation="when_required",
    )  # fmt: skip
    session = boto3.session.Session()
    return session.client(
        "s3", endpoint_url=getattr(front, scheme), region_name="default", config=options, verify=str(front.ca),
        aws_access_key_id=gateways.access_key, aws_secret_access_key=gateways.secret_key,
    )  # fmt: skip


@pytest.fixture
def bucket(s3: Any) -> Iterator[str]:
    """An empty bucket, taken away afterwards."""
    name = f"bucket-{time.monotonic_ns()}"
    s3.create_bucket(Bucket=name)
    yield name
    for item in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=item["Key"])
    s3.delete_bucket(Bucket=name)


def test_buckets_come_and_go(s3: Any) -> None:
    name = f"made-{time.monotonic_ns()}"
    s3.create_bucket(Bucket=name)
    assert name in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    s3.delete_bucket(Bucket=name)
    assert name not in [each["Name"] for each in s3.list_buckets()["Buckets"]]


def test_a_large_object_arrives_whole(s3: Any, bucket: str) -> None:
    body = payload(5 * MIB, 1)
    tag = s3.put_object(Bucket=bucket, Key="large", Body=body)["ETag"]
    assert tag.strip('"') == hashlib.md5(body, usedforsecurity=False).hexdigest()
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == body
    assert s3.head_object(Bucket=bucket, Key="large")["ContentLength"] == len(body)


def test_an_empty_object_and_a_missing_one(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    assert s3.get_object(Bucket=bucket, Key="empty")["Body"].read() == b""
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="missing")
    assert caught.value.response["Error"]["Code"] == "NoSuchKey"


@pytest.mark.parametrize("wanted", ["bytes=0-0", "bytes=1000000-2999999", "bytes=-12345", "bytes=5242879-"])
def test_ranges(s3: Any, bucket: str, wanted: str) -> None:
    body = payload(5 * MIB, 2)
    s3.put_object(Bucket=bucket, Key="ranged", Body=body)
    reply = s3.get_object(Bucket=bucket, Key="ranged", Range=wanted)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    expected = body[-int(last) :] if not first else body[int(first) : int(last) + 1 if last else None]
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert reply["Body"].read() == expected


def test_multipart_upload(s3: Any, bucket: str) -> None:
    parts = [payload(5 * MIB, 3), payload(5 * MIB, 4), payload(12345, 5)]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    done = []
    for number, part in enumerate(parts, 1):
        tag = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=number, Body=part)["ETag"]
        done.append({"PartNumber": number, "ETag": tag})
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": done})
    assert s3.get_object(Bucket=bucket, Key="parts")["Body"].read() == b"".join(parts)


def round_trip(s3: Any, bucket: str, key: str, body: bytes) -> None:
    """Store, read back, compare."""
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body


def round_trip_while_servers_die(s3: Any, bucket: str, key: str, body: bytes) -> None:
    """As round_trip; an object that was cut short, because its gateway died under it, is asked for again, as S3 clients do."""
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    try:
        found = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except (IncompleteReadError, ResponseStreamingError):
        found = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert found == body


def at_once(front: Front, gateways: Gateways, scheme: str, job: Callable[[Any, int], None]) -> None:
    """Run job(client, number) in CLIENTS threads; the first failure is raised."""
    clients = [client(front, gateways, scheme) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(job, each, number) for number, each in enumerate(clients)]:
            done.result()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_several_clients_at_once(front: Front, gateways: Gateways, scheme: str) -> None:
    name = f"shared-{time.monotonic_ns()}"
    first = client(front, gateways, scheme)
    first.create_bucket(Bucket=name)

    def job(s3: Any, number: int) -> None:
        for turn in range(3):
            round_trip(s3, name, f"{number}-{turn}", payload(MIB + number, number * 10 + turn))
        for turn in range(3):
            s3.delete_object(Bucket=name, Key=f"{number}-{turn}")

    at_once(front, gateways, scheme, job)
    first.delete_bucket(Bucket=name)


def wait_for(front: Front, words: str, since: int) -> None:
    """Wait until the proxy has said `words` on its stderr behind the first `since` characters."""
    end = time.monotonic() + STATE_SECONDS
    while words not in front.running.stderr()[since:]:
        assert time.monotonic() < end, f"the proxy never said {words!r}:\n{front.running.stderr()[since:]}"
        time.sleep(0.05)


def test_a_gateway_dies_and_comes_back(front: Front, gateways: Gateways) -> None:
    """Clients keep working while one gateway is killed: the check takes it out, and takes it in again later."""
    name = f"dying-{time.monotonic_ns()}"
    first = client(front, gateways, "http")
    first.create_bucket(Bucket=name)
    already = len(front.running.stderr())
    killed = threading.Event()
    settled = threading.Event()

    def job(s3: Any, number: int) -> None:
        turn = 0
        while not settled.is_set() or turn < 3:
            round_trip_while_servers_die(s3, name, f"{number}", payload(200_000, turn))
            turn += 1
            if number == 0 and turn == 2 and not killed.is_set():
                gateways.kill(1)
                killed.set()
        s3.delete_object(Bucket=name, Key=f"{number}")

    def watch() -> None:
        try:
            killed.wait(STATE_SECONDS)
            wait_for(front, "Server rgw/rgw1 is DOWN", already)
        finally:
            settled.set()

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            at_once(front, gateways, "http", job)
        finally:
            if killed.is_set():
                gateways.revive(1)
        watching.result()
    wait_for(front, "Server rgw/rgw1 is UP", already)
    first.delete_bucket(Bucket=name)
