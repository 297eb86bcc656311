"""The fetcher that stands between a stranger's link and the hub's own network."""

import datetime as dt
import gzip
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seawall.outbound import Outbound, OutboundError, OutboundRefused, why_refused


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, dict[str, str]]]] = []
    release: ClassVar[threading.Event] = threading.Event()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.seen.append((self.path, dict(self.headers.items())))
        path, _, rest = self.path.partition("?")
        match path:
            case "/to":
                self.say(302, Location=rest)
            case "/loop":
                self.say(302, Location="/loop")
            case "/big":
                self.say(200, b"x" * 50_000)
            case "/bomb":
                self.say(200, gzip.compress(b"x" * 5_000_000), Content_Encoding="gzip")
            case "/zip":
                self.say(200, gzip.compress(b"hello"), Content_Encoding="gzip")
            case "/brotli":
                self.say(200, b"??", Content_Encoding="br")
            case "/cookie":
                self.say(200, b"ok", Set_Cookie="a=1; Path=/")
            case "/slow":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                while not self.release.wait(0.02):
                    self.wfile.write(b".")
                    self.wfile.flush()
            case "/cut":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.close_connection = True
            case _:
                self.say(200, f"{self.headers['Host']} {path}".encode())


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Handler.seen.clear()
    Handler.release.clear()
    server = QuietServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    Handler.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def port(server: ThreadingHTTPServer) -> int:
    return int(server.server_address[1])


@pytest.fixture
def outbound(port: int) -> Iterator[Outbound]:
    with Outbound(allow=frozenset({f"127.0.0.1:{port}"}), timeout=5, max_bytes=10_000) as made:
        yield made


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "loopback"),
        ("127.8.9.1", "loopback"),
        ("10.1.2.3", "private or reserved"),
        ("172.16.0.1", "private or reserved"),
        ("192.168.1.1", "private or reserved"),
        ("100.64.0.1", "private or reserved"),  # carrier NAT
        ("100.100.100.200", "private or reserved"),  # a cloud's metadata service inside carrier NAT
        ("169.254.169.254", "metadata"),
        ("168.63.129.16", "metadata"),
        ("169.254.1.1", "link-local"),
        ("0.0.0.0", "unspecified"),
        ("255.255.255.255", "private or reserved"),
        ("224.0.0.1", "multicast"),
        ("239.1.1.1", "multicast"),
        ("240.0.0.1", "private or reserved"),
        ("192.0.2.1", "private or reserved"),  # documentation
        ("::1", "loopback"),
        ("::", "unspecified"),
        ("::ffff:127.0.0.1", "loopback"),  # IPv4-mapped
        ("::ffff:10.0.0.1", "private or reserved"),
        ("::127.0.0.1", "private or reserved"),  # IPv4-compatible, deprecated
        ("2002:7f00:1::", "loopback"),  # 6to4 around 127.0.0.1
        ("64:ff9b::a00:1", "private or reserved"),  # NAT64 around 10.0.0.1
        ("64:ff9b:1::1", "private or reserved"),  # local NAT64
        ("fe80::1", "link-local"),
        ("fe80::1%2", "link-local"),
        ("fec0::1", "private or reserved"),
        ("fc00::1", "private or reserved"),
        ("fd00:ec2::254", "private or reserved"),  # a cloud's metadata service over IPv6
        ("ff02::1", "multicast"),
        ("2001:db8::1", "private or reserved"),
    ],
)
def test_address_that_is_not_public_is_refused(address: str, reason: str) -> None:
    said = why_refused(address)
    assert said is not None
    assert reason in said


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public_address_is_not_refused(address: str) -> None:
    assert why_refused(address) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://2130706433/",  # decimal
        "http://0x7f000001/",  # hex
        "http://0x7f.1/",
        "http://0177.0.0.1/",  # octal
        "http://017700000001/",
        "http://127.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "https://192.168.0.1/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "ftp://example.org/",
        "//example.org/",
        "example.org",
        "http:///nohost",
        "http://",
        "",
        "http://user:secret@example.org/",
        "http://example.org:0/",
        "http://example.org:70000/",
        "http://example.org:22/",
        "http://example.org/\x00",
        "http://exa\nmple.org/",
        "http://①②⑦.0.0.1/",
    ],
)
def test_url_is_refused_before_any_connection(url: str) -> None:
    with Outbound(timeout=5) as outbound, pytest.raises(OutboundRefused) as caught:
        outbound.fetch(url)
    assert "secret" not in str(caught.value)


def test_fetch_returns_body_final_url_and_hops(outbound: Outbound, port: int) -> None:
    answer = outbound.fetch(f"http://127.0.0.1:{port}/to?/there#part")
    assert answer.status == 200
    assert answer.url == f"http://127.0.0.1:{port}/there"
    assert answer.hops == (f"http://127.0.0.1:{port}/to?/there", f"http://127.0.0.1:{port}/there")
    assert answer.body == f"127.0.0.1:{port} /there".encode()
    assert not answer.truncated


def test_allowed_exception_is_the_address_as_written(outbound: Outbound, port: int) -> None:
    for host in ("localhost", "2130706433", "[::ffff:127.0.0.1]"):
        with pytest.raises(OutboundRefused, match="loopback"):
            outbound.fetch(f"http://{host}:{port}/")
    with pytest.raises(OutboundRefused, match="loopback"):
        outbound.fetch(f"http://127.0.0.1:{port + 1 if port < 65_535 else port - 1}/")


@pytest.mark.parametrize("target", ["http://10.0.0.1/", "http://169.254.169.254/", "file:///etc/passwd", "//[::1]:80/"])
def test_redirect_to_a_private_place_is_refused(outbound: Outbound, port: int, target: str) -> None:
    with pytest.raises(OutboundRefused):
        outbound.fetch(f"http://127.0.0.1:{port}/to?{target}")
    assert len(Handler.seen) == 1


def test_redirects_are_capped_and_optional(outbound: Outbound, port: int) -> None:
    with pytest.raises(OutboundError, match="redirects more than 3 times") as caught:
        outbound.fetch(f"http://127.0.0.1:{port}/loop")
    assert caught.value.kind == "protocol"
    assert len(Handler.seen) == 4
    assert outbound.fetch(f"http://127.0.0.1:{port}/loop", redirects=0).status == 302


def test_token_does_not_follow_a_redirect_to_another_origin(server: ThreadingHTTPServer, port: int) -> None:
    allow = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
    with Outbound(allow=allow, timeout=5) as outbound:
        outbound.fetch(f"http://127.0.0.1:{port}/to?/same", headers={"Authorization": "Bearer t"})
        outbound.fetch(
            f"http://127.0.0.1:{port}/to?http://localhost:{port}/other", headers={"Authorization": "Bearer t"}
        )
    sent = {path: headers.get("Authorization") for path, headers in Handler.seen}
    assert sent["/same"] == "Bearer t"
    assert sent["/other"] is None


def test_name_that_changes_its_answer_is_connected_to_the_address_that_was_checked(
    server: ThreadingHTTPServer, port: int
) -> None:
    answers = iter([["203.0.113.9", "127.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    with Outbound(timeout=5, resolver=rebinding) as outbound:
        with pytest.raises(OutboundRefused):
            outbound.fetch(f"http://rebind.example:{port}/")
        assert asked == ["rebind.example"], "one resolution decides; a second would be the attacker's chance"
        with pytest.raises(OutboundRefused, match="loopback"):
            outbound.fetch(f"http://rebind.example:{port}/")
    assert Handler.seen == []


def test_socket_goes_to_the_resolved_address_and_host_keeps_the_name(server: ThreadingHTTPServer, port: int) -> None:
    asked: list[str] = []

    def stub(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with Outbound(allow=frozenset({f"platform.example:{port}"}), timeout=5, resolver=stub) as outbound:
        for _ in range(2):
            answer = outbound.fetch(f"http://Platform.example:{port}/p")
    assert answer.body == f"platform.example:{port} /p".encode()
    assert asked == ["platform.example"], "the second fetch reuses the connection that was checked"


def test_environment_names_no_proxy_and_cookies_are_forgotten(
    outbound: Outbound, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    outbound.fetch(f"http://127.0.0.1:{port}/cookie")
    outbound.fetch(f"http://127.0.0.1:{port}/cookie")
    assert all("Cookie" not in headers for _, headers in Handler.seen)
    assert all("Seawall/" in headers["User-Agent"] for _, headers in Handler.seen)


def test_body_is_capped(outbound: Outbound, port: int) -> None:
    with pytest.raises(OutboundError, match="10000 bytes") as caught:
        outbound.fetch(f"http://127.0.0.1:{port}/big")
    assert caught.value.kind == "too_large"
    cut = outbound.fetch(f"http://127.0.0.1:{port}/big", truncate=True)
    assert cut.truncated
    assert cut.body == b"x" * 10_000


def test_compressed_body_is_capped_by_what_it_unpacks_to(outbound: Outbound, port: int) -> None:
    assert outbound.fetch(f"http://127.0.0.1:{port}/zip").body == b"hello"
    with pytest.raises(OutboundError) as caught:
        outbound.fetch(f"http://127.0.0.1:{port}/bomb")
    assert caught.value.kind == "too_large"
    with pytest.raises(OutboundError, match="not asked for") as caught:
        outbound.fetch(f"http://127.0.0.1:{port}/brotli")
    assert caught.value.kind == "protocol"


def test_slow_drip_ends_at_the_total_deadline(server: ThreadingHTTPServer, port: int) -> None:
    with (
        Outbound(allow=frozenset({f"127.0.0.1:{port}"}), timeout=0.3) as outbound,
        pytest.raises(OutboundError, match=r"within 0\.3 seconds") as caught,
    ):
        outbound.fetch(f"http://127.0.0.1:{port}/slow")
    assert caught.value.kind == "timeout"


def test_slow_resolver_ends_at_the_total_deadline() -> None:
    release = threading.Event()

    def stuck(host: str, port: int) -> list[str]:
        release.wait()
        return []

    with Outbound(timeout=0.1, resolver=stuck) as outbound, pytest.raises(OutboundError) as caught:
        outbound.fetch("http://slow.example/")
    release.set()
    assert caught.value.kind == "timeout"


def test_name_without_address_is_a_dns_error() -> None:
    def none(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    def empty(host: str, port: int) -> list[str]:
        return []

    for resolver in (none, empty):
        with (
            Outbound(timeout=5, resolver=resolver) as outbound,
            pytest.raises(OutboundError, match=r"gone\.example") as e,
        ):
            outbound.fetch("http://gone.example/")
        assert e.value.kind == "dns"


def test_closed_port_is_refused_and_broken_answer_is_protocol(outbound: Outbound, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = taken.getsockname()[1]
        with Outbound(allow=frozenset({f"127.0.0.1:{closed}"}), timeout=5) as other:
            with pytest.raises(OutboundError) as caught:
                other.fetch(f"http://127.0.0.1:{closed}/")
            assert caught.value.kind == "refused"
    with pytest.raises(OutboundError) as caught:
        outbound.fetch(f"http://127.0.0.1:{port}/cut")
    assert caught.value.kind == "protocol"


@pytest.mark.parametrize("headers", [{"Idempotency-Key": "a\r\nX: y"}, {"Idempotency-Key": "é\N{SNOWMAN}\ud800"}])
def test_header_that_cannot_be_written_is_an_error_not_an_injection(
    outbound: Outbound, port: int, headers: dict[str, str]
) -> None:
    with pytest.raises(OutboundError) as caught:
        outbound.fetch(f"http://127.0.0.1:{port}/", headers=headers)
    assert caught.value.kind == "protocol"


def _certificate(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{name}.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    trust = ssl.create_default_context(cadata=certificate.public_bytes(serialization.Encoding.PEM).decode())
    return pem, trust


def test_certificate_is_checked_against_the_name_not_the_address(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    pem, trust = _certificate(tmp_path, "platform.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    port = int(server.server_address[1])
    allow = frozenset({f"platform.example:{port}", f"other.example:{port}"})

    def stub(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    with Outbound(allow=allow, timeout=5, resolver=stub, ssl_context=trust) as outbound:
        assert outbound.fetch(f"https://platform.example:{port}/x").body == f"platform.example:{port} /x".encode()
        with pytest.raises(OutboundError) as caught:
            outbound.fetch(f"https://other.example:{port}/x")
        assert caught.value.kind == "tls"
    with (
        Outbound(allow=allow, timeout=5, resolver=stub) as outbound,
        pytest.raises(OutboundError, match=r"platform\.example") as caught,
    ):
        outbound.fetch(f"https://platform.example:{port}/x")
    assert caught.value.kind == "tls", "an unknown authority is not trusted"
