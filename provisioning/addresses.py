"""Which addresses are asked: how they are written, and where they may lead."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit


def _networks(text: str) -> list[IPv4Network | IPv6Network]:
    return [ip_network(network) for network in text.split()]


_INSIDE = _networks(
    "10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 172.16.0.0/12 192.168.0.0/16 ::1 fc00::/7"
)
# Where a cloud hands out credentials to its own machines, within the ranges above.
_CLOUD = _networks("100.100.100.200 fd00:ec2::/32 fd20:ce::/32")
# `is_global` calls several of these public (measured on Python 3.11.7, 2026-11).
_NEVER = _networks(
    "0.0.0.0/8 168.63.129.16 169.254.0.0/16 192.0.0.0/24 192.88.99.0/24 198.18.0.0/15 "
    "224.0.0.0/4 240.0.0.0/4 ::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/32 "
    "2001:db8::/32 2002::/16 fe80::/10 fec0::/10 ff00::/8"
)
_PORTS = {"http": 80, "https": 443}
_EXAMPLE = "for example https://zoom.example/scim/v2"


def check_base_url(text: str, *, internal: bool) -> str:
    """The address in its normal form: no spaces around it, no slash at its end, no default port.

    Raises ValueError with a sentence for the person who typed it.
    """
    if "?" in text or "#" in text:
        raise ValueError(f"Leave out “?”, “#” and what follows, {_EXAMPLE}.")
    return check_url(text, internal=internal).rstrip("/")


def check_url(text: str, *, internal: bool) -> str:
    """An address to which something is sent as it stands: path and query are left as typed.

    Raises ValueError with a sentence for the person who typed it.
    """
    text = text.strip()
    if len(text) > 2048:
        raise ValueError(f"This address is longer than 2,048 characters. Shorten it, {_EXAMPLE}.")
    if "\\" in text or any(sign.isspace() or not sign.isprintable() for sign in text):
        raise ValueError(
            "The address holds a space, a backslash or an invisible character. "
            f"Type it again, {_EXAMPLE}."
        )
    if "#" in text:
        raise ValueError(f"Leave out “#” and what follows, {_EXAMPLE}.")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError(
            f"This is not a web address. Enter one that begins with https://, {_EXAMPLE}."
        ) from error
    host_and_port = authority(parts, internal=internal)
    if not (parts.path + parts.query).isascii():
        raise ValueError(
            f"Use only letters from a to z, digits and “-” after the host, {_EXAMPLE}."
        )
    return parts._replace(netloc=host_and_port).geturl()


def origin(url: str) -> str:
    """Scheme, host and port, always with a port: what a token is bound to.

    Raises ValueError if it is not an http or https address.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(
            f"This is not a web address. Enter one that begins with https://, {_EXAMPLE}."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or _PORTS[parts.scheme]}"


def authority(parts: SplitResult, *, internal: bool) -> str:
    """Host and port as they are sent. Raises ValueError with a sentence if they are refused."""
    if parts.scheme not in _PORTS:
        raise ValueError(f"The address must begin with https://, {_EXAMPLE}.")
    if parts.scheme == "http" and not internal:
        raise ValueError(
            "http:// is allowed only for an application that runs inside your own network. "
            f"Use https://, {_EXAMPLE}."
        )
    if "@" in parts.netloc:
        raise ValueError(f"Leave out the user name and password before “@”, {_EXAMPLE}.")
    host = _host(parts.hostname or "", internal=internal)
    try:
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError:
        port = 0
    if not port:
        raise ValueError(f"The port must be a number from 1 to 65535, or be left out, {_EXAMPLE}.")
    if not internal and port not in {443, 8443}:
        raise ValueError(
            f"Port {port} is allowed only for an application that runs inside your own network. "
            f"Use 443 or 8443, or leave the port out, {_EXAMPLE}."
        )
    return host if port == _PORTS[parts.scheme] else f"{host}:{port}"


def _host(host: str, *, internal: bool) -> str:
    if not host:
        raise ValueError(f"The address has no host name. Enter the whole address, {_EXAMPLE}.")
    if not host.isascii():
        raise ValueError(_latin(host))
    labels = host.split(".")
    # A host that ends in a number is an IP address, which can be spelled in many ways: 127.1,
    # 2130706433, 0x7f.1. Only the ordinary spelling is taken.
    if ":" not in host and not re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        if not all(re.fullmatch(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", label) for label in labels):
            raise ValueError(
                f"“{host}” is not a host name. Check it for typing errors, {_EXAMPLE}."
            )
        return host
    try:
        address = ip_address(host if "%" not in host else "")
    except ValueError:
        raise ValueError(
            "This is not an ordinary IP address. Use the name of the host, or write the address "
            "like 192.0.2.10 or [2001:db8::10]."
        ) from None
    if problem := refusal(str(address), address, internal=internal):
        raise ValueError(problem)
    return f"[{address}]" if address.version == 6 else str(address)


def _latin(host: str) -> str:
    try:
        spelled = host.encode("idna").decode()
    except UnicodeError:
        spelled = ""
    hint = f": “{spelled}”" if "xn--" in spelled else ""
    return f"Enter the host name in its spelling with the letters a to z only{hint}."


def refusal(host: str, address: IPv4Address | IPv6Address, *, internal: bool) -> str:
    """Why Gatehouse does not connect to this address, or nothing if it may."""
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    subject = f"{address} is" if host == str(address) else f"{host} points to {address},"
    if _within(address, _INSIDE) and not _within(address, _CLOUD):
        if internal:
            return ""
        return (
            f"{subject} an address inside your own network. If this application really runs "
            "there, switch on “Runs inside our network”."
        )
    if address.is_global and not _within(address, _NEVER):
        return ""
    return f"{subject} an address at which no application can run. Check the address."


def _within(address: IPv4Address | IPv6Address, networks: list[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)
