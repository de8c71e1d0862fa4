"""Signatures are those of Standard Webhooks, and only what can be a secret is one."""

import base64
from datetime import UTC, datetime

import pytest

from provisioning import webhook_signing
from tests.support.receiver import verified


def test_the_signature_is_the_one_of_the_specification() -> None:
    """The example of the reference libraries of Standard Webhooks."""
    signed = webhook_signing.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        at=datetime.fromtimestamp(1614265330, UTC),
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert signed == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_new_secret_is_one_that_others_take_and_never_the_same() -> None:
    made = {webhook_signing.new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(base64.b64decode(each.removeprefix("whsec_"))) for each in made} == {32}
    assert {webhook_signing.clean_secret(f" {each}\n") for each in made} == made


@pytest.mark.parametrize("part", ["webhook-id", "webhook-timestamp", "body"])
def test_whatever_is_changed_on_the_way_is_noticed(part: str) -> None:
    secret = webhook_signing.new_secret()
    now = datetime.now(UTC)
    signed = webhook_signing.headers("msg_1", b"{}", at=now, secrets=[secret])
    assert verified(secret, signed, b"{}") == [True]
    other = {**signed, part: "12"}
    assert verified(secret, other, b"{ }" if part == "body" else b"{}") == [False]


def base64_of(count: int) -> str:
    return base64.b64encode(b"x" * count).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "secret",
        base64_of(32),
        f"whsec_{base64_of(23)}",
        f"whsec_{base64_of(65)}",
        f"whsec_{base64_of(32)}!",
        f"whsec_{base64_of(32)} {base64_of(32)}",
        "whsec_größer",
    ],
)
def test_what_cannot_be_a_secret_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="A secret is “whsec_” and then 24 to 64 random bytes"):
        webhook_signing.clean_secret(text)
