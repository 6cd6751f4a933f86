"""Where is an endpoint, may its address be stored with the results, and may a key be sent there?

No error here repeats what it refuses: it may be a password.
"""

from urllib.parse import urlsplit

from aetia.errors import EvaluationError

__all__ = ["address_of", "check_key", "check_told"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MEND = "write it like https://api.openai.com/v1"


def check_told(text: str, key_variable: str) -> None:
    """Check that the text which names an endpoint holds no user, password or query.

    Neither `@` nor `?` is let through anywhere before the name of the model, so that a password with a `/` or a `#` in
    it is found too.

    Args:
        text: An address, or an address with `#` and the model's name, of which everything before the last `#` counts.
        key_variable: Where the key belongs in place of the address.

    Raises:
        EvaluationError: AE-8411.
    """
    address = text.rpartition("#")[0] or text
    if "@" in address or "?" in address:
        found = "The endpoint's address holds a user, a password or a query, which would be stored with the results."
        raise EvaluationError("AE-8411", found, mend=f"{_MEND}, and put the key into {key_variable}.")


def address_of(url: str, key_variable: str) -> str:
    """The address below which an endpoint's paths lie, without a slash at its end.

    Raises:
        EvaluationError: AE-8411 it is none, or holds what may not be stored.
    """
    check_told(url, key_variable)
    no_address = EvaluationError("AE-8411", "The endpoint's address has no http:// or no host.", mend=f"{_MEND}.")
    try:
        parts = urlsplit(url.strip())
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and not parts.fragment
    except ValueError as error:
        raise no_address from error
    if not is_whole:
        raise no_address
    return url.strip().rstrip("/")


def check_key(key: str, address: str, key_variable: str) -> None:
    """Check that a key can be sent to an address, and that nobody on the way can read it.

    Raises:
        EvaluationError: AE-8412 it would travel unencrypted; AE-8413 it has a character that no header may hold.
    """
    odd = next((place for place, sign in enumerate(key, 1) if not " " <= sign <= "~"), 0)
    if odd:
        found = f"The key in {key_variable} has at place {odd} a character that cannot be sent: keys are plain ASCII."
        raise EvaluationError("AE-8413", found, mend="copy the key again, without typographic signs or line breaks.")
    parts = urlsplit(address)
    if key and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        found = f"The key in {key_variable} would travel unencrypted to {parts.hostname}."
        raise EvaluationError("AE-8412", found, mend="use https, or unset the variable.")
