"""The ways in which an application can fail Gatehouse, named by what the caller does next."""


class ConnectorError(Exception):
    """Something went wrong between Gatehouse and an application.

    `message` is the sentence an administrator reads: the cause and the next step, never a secret.
    `http_status` is the application's answer, or None when there was none.
    """

    # What the application said, in its own words and without secrets.
    said = ""

    def __init__(self, message: str, *, http_status: int | None = None) -> None:
        # What an application says often ends with a full stop of its own.
        super().__init__(message.replace(".”.", ".”"))
        self.http_status = http_status


class Unavailable(ConnectorError):
    """Try this account again later.

    If the request was a write, it may have got through: look before writing again.
    """


class Throttled(Unavailable):
    """Let the whole app rest, for `retry_after` seconds if the application said so."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        http_status: int | None = None,
    ) -> None:
        super().__init__(message, http_status=http_status)
        self.retry_after = retry_after


class Rejected(ConnectorError):
    """Park this one account until something about it changes. The other accounts go on."""


class Misconfigured(ConnectorError):
    """Stop the whole app and tell someone: no account can succeed until a person acts."""


class Promised(ConnectorError):
    """Look whether it has happened: the application took the write and will do it later."""


class NotFound(ConnectorError):
    """Forget the stored id and look again: the application has nothing under it."""


class AlreadyExists(ConnectorError):
    """Find the account that is already there, instead of creating it."""
