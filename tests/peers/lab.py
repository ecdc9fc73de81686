"""Other people's clients against a running lab. Each line says what was asked and that the answer was the right one; the first
wrong answer ends the run with exit status 1.

    lab.py LAB_DIRECTORY COFFERCTL
"""

import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import time

LAB = pathlib.Path(sys.argv[1])
COFFERCTL = sys.argv[2]
FILE = json.loads((LAB / "lab.json").read_text())
CLIENT = FILE["client"]
ZONES = {zone["kind"]: zone for zone in FILE["zones"]}
# A lab is on loopback and has its own authorities; what the machine's environment says of proxies and bundles is not meant for it.
AMBIENT = ("proxy", "aws_", "ssl_cert", "curl_ca_bundle", "requests_ca_bundle")
for name in list(os.environ):
    if any(part in name.lower() for part in AMBIENT):
        del os.environ[name]
passed = 0
skipped = 0


def ok(what, holds, seen=""):
    global passed
    if not holds:
        sys.exit(f"FAIL {what}: {seen}")
    passed += 1
    print(f"ok   {what}", flush=True)


def skip(what):
    global skipped
    skipped += 1
    print(f"skipped: {what}", flush=True)


def run(*arguments, stdin=b""):
    return subprocess.run(arguments, input=stdin, capture_output=True, timeout=120)


def curl(kind, path, *more, certificate=True, stdin=b""):
    """The status and the body; 0 where there was no answer."""
    proof = ["--cert", CLIENT["cert"], "--key", CLIENT["key"]] if certificate else []
    url = f"https://{ZONES[kind]['address']}{path}"
    arguments = ["curl", "--silent", "--show-error", "--cacert", CLIENT["ca"], *proof]
    done = run(*arguments, "--write-out", "\n%{http_code}", *more, url, stdin=stdin)
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status or 0), body, done.stderr


def check_curl():
    for kind in ZONES:
        status, body, words = curl(kind, "/v1/health")
        ok(f"curl: {kind} is healthy", status == 200, (status, body, words))
    status, body, _ = curl("intake", "/v1/metrics")
    ok("curl: metrics are OpenMetrics", status == 200 and body.rstrip().endswith(b"# EOF"), body)
    stream = f"/v1/streams/{FILE['intake']['stream']}/events"
    plain = ["--header", "Content-Type: application/json", "--header", "Idempotency-Key: curl-1"]
    status, body, _ = curl("intake", stream, *plain, "--data", '{"n": 1}')
    ok("curl: an event is accepted", status == 202, (status, body))
    status, again, _ = curl("intake", stream, *plain, "--data", '{"n": 1}')
    repeated = status == 202 and json.loads(again)["duplicate"] is True
    ok("curl: the same event with the same key is a duplicate", repeated, (status, again))
    lines = "\n".join(json.dumps({"n": n}) for n in range(100))
    ndjson = ["--header", "Content-Type: application/x-ndjson", "--data-binary", lines]
    status, body, _ = curl("intake", stream, *ndjson)
    ok("curl: a hundred events in one NDJSON body", status == 202, (status, body))
    event = {"specversion": "1.0", "id": "e-1", "source": "/peers", "type": "t", "data": {"n": 2}}
    cloud = ["--header", "Content-Type: application/cloudevents+json"]
    status, body, _ = curl("intake", stream, *cloud, "--data", json.dumps(event))
    ok("curl: a CloudEvent", status == 202, (status, body))
    del event["id"]
    status, body, _ = curl("intake", stream, *cloud, "--data", json.dumps(event))
    ok("curl: a CloudEvent without an id is refused", status == 400 and b"IN-010" in body, body)
    survey = f"/v1/surveys/{FILE['intake']['survey']}/responses"
    answer = {"respondent": "r", "school": "Elm", "grade": 5, "q1": 9, "q2": 1, "q3": 1}
    status, body, _ = curl("intake", survey, *plain[:2], "--data", json.dumps(answer))
    ok("curl: a wrong answer is refused by pointer", status == 422 and b"/q1" in body, body)
    status, body, _ = curl("intake", stream, *plain[:2], "--data-binary", "@-", stdin=b" " * 2_000_000)
    ok("curl: an oversized body is refused", status == 413, (status, body[:300]))
    status, _, words = curl("intake", "/v1/health", certificate=False)
    ok("curl: without a certificate there is no session", status == 0 and b"alert" in words, words)
    status, _, words = curl("intake", "/v1/health", "--tls-max", "1.2")
    ok("curl: TLS 1.2 is not spoken", status == 0, words)
    status, _, _ = curl("intake", "/v1/health", "--http2")
    ok("curl: HTTP/2", status == 200)
    status, body, _ = curl("storage", "/intake-events/x")
    ok("curl: a bucket that is no concern of the client", status == 403, (status, body))


def check_query():
    asked = {"sql": "select count(*) as n from events", "format": "json"}
    header = ["--header", "Content-Type: application/json", "--data", json.dumps(asked)]
    seen = b""
    for _ in range(100):
        status, seen, _ = curl("analytics", "/v1/query", *header)
        if status == 200 and json.loads(seen)["rows"] == [[102]]:
            break
        time.sleep(0.2)
    ok("curl: analytics counts what intake accepted", json.loads(seen)["rows"] == [[102]], seen)
    asked["sql"] = "select id from events"
    header[-1] = json.dumps(asked)
    status, body, _ = curl("analytics", "/v1/query", *header)
    ok("curl: a query for single records is refused", status in (400, 403, 422), (status, body))


def check_openssl():
    zone = ZONES["storage"]
    base = ["openssl", "s_client", "-connect", zone["address"], "-servername", zone["server-name"]]
    base += ["-CAfile", CLIENT["ca"], "-verify_return_error"]
    proof = ["-cert", CLIENT["cert"], "-key", CLIENT["key"]]
    question = b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    done = run(*base, *proof, "-tls1_3", "-ign_eof", stdin=question)
    words = done.stdout.decode(errors="replace")
    ok("openssl: TLS 1.3 with both sides verified", "Verification: OK" in words, words)
    ok("openssl: the zone answers over it", "HTTP/1.1 200" in words, words)
    ok("openssl: no session ticket is given", "Session Ticket arrived" not in words, words)
    done = run(*base, *proof, "-tls1_2", stdin=question)
    ok("openssl: TLS 1.2 is refused", done.returncode != 0, done.stdout)
    done = run(*base, "-tls1_3", "-ign_eof", stdin=question)
    ok("openssl: without a certificate nothing is answered", b"HTTP/1.1" not in done.stdout)
    chain = run("openssl", "verify", "-CAfile", CLIENT["ca"], CLIENT["cert"])
    ok("openssl: verifies the client's own chain", chain.returncode == 0, chain.stderr)


def check_python_ssl():
    address = ZONES["intake"]["address"]
    host, _, port = address.partition(":")
    context = ssl.create_default_context(cafile=CLIENT["ca"])
    context.load_cert_chain(CLIENT["cert"], CLIENT["key"])
    connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=20)
    connection.request("GET", "/v1/health")
    ok("python ssl: verifies the zone and is verified", connection.getresponse().status == 200)
    certificate = connection.sock.getpeercert() if connection.sock else None
    if certificate:
        names = [name for kind, name in certificate["subjectAltName"] if kind == "URI"]
        ok("python ssl: one SPIFFE id in the certificate", len(names) == 1, names)
    bare = ssl.create_default_context(cafile=CLIENT["ca"])
    answer = b""
    try:
        with socket.create_connection((host, int(port)), timeout=20) as raw:
            with bare.wrap_socket(raw, server_hostname=host) as secured:
                secured.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = secured.recv(100)
    except (ssl.SSLError, ConnectionError):
        pass
    ok("python ssl: without a certificate nothing is answered", answer == b"", answer)
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        raw.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        try:
            while part := raw.recv(100):
                answer += part
        except ConnectionError:
            pass
    ok("plain HTTP: nothing is answered", not answer.startswith(b"HTTP"), answer)


def check_boto3():
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import ClientError
    except ImportError:
        skip("boto3 is not installed")
        return
    s3 = FILE["s3"]

    def client(secret):
        return boto3.client(
            "s3",
            endpoint_url=s3["endpoint"],
            region_name=s3["region"],
            aws_access_key_id=s3["access-key"],
            aws_secret_access_key=secret,
            verify=CLIENT["ca"],
            config=Config(
                client_cert=(CLIENT["cert"], CLIENT["key"]),
                s3={"addressing_style": "path"},
                retries={"max_attempts": 1},
            ),
        )

    def refused(call):
        try:
            call()
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "nothing was refused"

    storage, bucket = client(s3["secret-key"]), s3["bucket"]
    names = ["a", "a b/ü+%.txt", "deep/er/$&=@:,;?", "名前/ファイル", "~tilde(1)!*'"]
    body = bytes(range(256)) * 300
    for name in names:
        storage.put_object(Bucket=bucket, Key=name, Body=body)
        got = storage.get_object(Bucket=bucket, Key=name)["Body"].read()
        ok(f"boto3: put and get {name!r}", got == body, len(got))
    part = storage.get_object(Bucket=bucket, Key="a", Range="bytes=20000-50000")
    ok("boto3: a range across frames", part["Body"].read() == body[20000:50001])
    tail = storage.get_object(Bucket=bucket, Key="a", Range="bytes=-10")
    ok("boto3: the last ten bytes", tail["Body"].read() == body[-10:])
    code = refused(lambda: storage.get_object(Bucket=bucket, Key="a", Range="bytes=99999999-"))
    ok("boto3: a range beyond the end", code == "InvalidRange", code)
    head = storage.head_object(Bucket=bucket, Key="a")
    ok("boto3: head", head["ContentLength"] == len(body), head)
    large = bytes(7_000_000)
    storage.put_object(Bucket=bucket, Key="large", Body=large)
    got = storage.get_object(Bucket=bucket, Key="large")["Body"].read()
    ok("boto3: seven megabytes", got == large, len(got))
    for version in ("list_objects", "list_objects_v2"):
        pages = storage.get_paginator(version).paginate(
            Bucket=bucket, PaginationConfig={"PageSize": 2}
        )
        seen = {item["Key"] for page in pages for item in page.get("Contents", [])}
        ok(f"boto3: {version} in pages of two", seen >= set(names), seen)
    folders = storage.list_objects_v2(Bucket=bucket, Delimiter="/")["CommonPrefixes"]
    ok("boto3: common prefixes", {"Prefix": "deep/"} in folders, folders)

    def again():
        storage.put_object(Bucket=bucket, Key="a", Body=b"other", IfNoneMatch="*")

    code = refused(again)
    ok("boto3: If-None-Match: * keeps what is there", code == "PreconditionFailed", code)
    got = storage.get_object(Bucket=bucket, Key="a")["Body"].read()
    ok("boto3: and it is what it was", got == body)
    code = refused(lambda: storage.get_object(Bucket=bucket, Key="none"))
    ok("boto3: a missing key", code == "NoSuchKey", code)
    code = refused(lambda: storage.list_objects_v2(Bucket="intake-events"))
    ok("boto3: another zone's bucket", code == "AccessDenied", code)
    code = refused(lambda: client("wrong" * 8).list_objects_v2(Bucket=bucket))
    ok("boto3: a wrong secret", code == "SignatureDoesNotMatch", code)
    for name in [*names, "large"]:
        storage.delete_object(Bucket=bucket, Key=name)
    left = storage.list_objects_v2(Bucket=bucket).get("Contents", [])
    ok("boto3: deleted, all of them", left == [], left)


def check_rclone():
    if shutil.which("rclone") is None:
        skip("rclone is not installed")
        return
    s3 = FILE["s3"]
    remote = (
        f":s3,provider=Other,access_key_id={s3['access-key']},secret_access_key={s3['secret-key']},"
        f"region={s3['region']},endpoint='{s3['endpoint']}',force_path_style=true:{s3['bucket']}"
    )
    base = ["rclone", "--config", "/dev/null", "--s3-no-check-bucket"]
    base += ["--ca-cert", CLIENT["ca"], "--client-cert", CLIENT["cert"]]
    base += ["--client-key", CLIENT["key"], "--retries", "1", "--low-level-retries", "1"]
    source = LAB.parent / "rclone"
    (source / "deep").mkdir(parents=True)
    (source / "one.txt").write_text("one")
    (source / "deep" / "zwei ü.txt").write_bytes(bytes(100_000))
    done = run(*base, "copy", str(source), f"{remote}/tree")
    ok("rclone: copies a tree", done.returncode == 0, done.stderr)
    done = run(*base, "check", str(source), f"{remote}/tree")
    ok("rclone: finds it the same", done.returncode == 0, done.stderr)
    done = run(*base, "cat", "--offset", "1", "--count", "2", f"{remote}/tree/one.txt")
    ok("rclone: a part of a file", done.stdout == b"ne", (done.stdout, done.stderr))
    done = run(*base, "purge", f"{remote}/tree")
    ok("rclone: purges it", done.returncode == 0, done.stderr)


def check_tool():
    put = LAB.parent / "put"
    put.write_text("hello")
    done = run(COFFERCTL, "put", str(put), "files/hello", "--lab", str(LAB))
    ok("cofferctl: put", done.returncode == 0, done.stderr)
    done = run(COFFERCTL, "get", "files/hello", "--lab", str(LAB))
    ok("cofferctl: get", done.stdout == b"hello", done.stderr)
    done = run(COFFERCTL, "ls", "files", "--lab", str(LAB))
    ok("cofferctl: ls", b"hello" in done.stdout, done.stdout)
    for kind, zone in ZONES.items():
        trust = LAB.parent / "trust"
        trust.write_text(zone["trail-key"] + "\n")
        done = run(COFFERCTL, "audit", "verify", zone["trail"], "--trust", str(trust))
        ok(f"cofferctl: the trail of {kind} is verified", done.returncode == 0, done.stderr)


check_curl()
check_query()
check_openssl()
check_python_ssl()
check_boto3()
check_rclone()
check_tool()
print(f"{passed} passed, 0 failed, {skipped} skipped")
