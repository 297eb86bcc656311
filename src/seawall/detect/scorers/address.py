"""Where a model may be asked: by https anywhere, by plain http on this machine and in private networks alone."""

from __future__ import annotations

import ipaddress
from typing import Final

import httpx

from seawall.detect.scorer import ModelError
from seawall.outbound import system_resolver

#: Where plain http may go: this machine and private networks (RFC 1918, 4193, 6598).
INSIDE: Final = tuple(
    ipaddress.ip_network(net)
    for net in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
)


def is_inside(address: str) -> bool:
    """Whether an IP address is this machine's or a private network's."""
    ip = ipaddress.ip_address(address)
    inner = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return any((inner or ip) in net for net in INSIDE if net.version == (inner or ip).version)


def inside_only(host: str, port: int) -> list[str]:
    """The addresses of a name that plain http may go to. Raises `OSError` when one lies outside."""
    found = system_resolver(host, port)
    for address in found:
        if not is_inside(address):
            raise OSError(f"{address} is not in a private network, where plain http may go; use https")
    return found


def written(url: httpx.URL) -> str:
    """Host and port as `Outbound` names an exception to its rules."""
    host = url.raw_host.decode()
    return f"{f'[{host}]' if ':' in host else host}:{url.port or {'http': 80, 'https': 443}[url.scheme]}"


def read_address(address: str) -> tuple[httpx.URL, bool]:
    """Where to post, and whether that is reached securely. Raises `ModelError`."""
    shape = "write openai-compat:https://HOST/v1#MODEL"
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError) as problem:
        raise ModelError(f"what follows openai-compat: is not an address ({problem}); {shape}") from problem
    if url.userinfo:
        raise ModelError(
            f"the address at {url.host} carries a user name or key; leave it out and put the key into SEAWALL_MODEL_KEY"
        )
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise ModelError(f"{address[:200]!r} is no http or https address; {shape}")
    if url.query or url.path.rstrip("/").endswith("/chat/completions"):
        raise ModelError(f"{address[:200]!r} must end before /chat/completions and hold no query; {shape}")
    if url.scheme == "http":
        try:
            literal = str(ipaddress.ip_address(url.host))
        except ValueError:
            literal = ""  # a name: its addresses are looked at whenever it is resolved
        if literal and not is_inside(literal):
            raise ModelError(
                f"{address}: plain http is for this machine and private networks only, and {url.host} is neither; use https"
            )
    return url.copy_with(path=f"{url.path.rstrip('/')}/chat/completions"), url.scheme == "https"
