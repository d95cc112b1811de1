"""TLS as a URL asks for it: required and verified by the server's certificate and host name, unless the URL says less.

PyMySQL and SQLAlchemy share these options out between them so that some verify nothing: ``ssl_verify_identity`` without
a CA, or both together, after which the CA is forgotten. So the context is made here.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine
    from sqlalchemy.engine import URL

_SWITCHES = frozenset({"ssl_disabled", "ssl_verify_cert", "ssl_verify_identity"})
OPTIONS = _SWITCHES | {"ssl_ca", "ssl_capath", "ssl_cert", "ssl_cipher", "ssl_key", "ssl_key_password"}
"""The options of a URL that are about TLS."""

_VALUES = {"true": True, "1": True, "false": False, "0": False}
# CR_SSL_CONNECTION_ERROR
_NO_TLS = 2026


def switches(url: URL) -> dict[str, bool]:
    """Read the options that are true or false; raises :class:`ValueError` for others, and for ones that contradict."""
    given = {}
    for name in _SWITCHES & url.query.keys():
        value = url.query[name]
        if not isinstance(value, str) or value.lower() not in _VALUES:
            raise ValueError(f"option {name!r} must be true or false")
        given[name] = _VALUES[value.lower()]
    others = sorted(OPTIONS & url.query.keys() - {"ssl_disabled"})
    if given.get("ssl_disabled") and others:
        raise ValueError(f"option 'ssl_disabled' contradicts {others[0]!r}")
    if given.get("ssl_verify_identity") and not given.get("ssl_verify_cert", True):
        raise ValueError("option 'ssl_verify_identity' takes a verified certificate: leave out 'ssl_verify_cert'")
    return given


def require(engine: Engine, options: Mapping[str, Any], given: Mapping[str, bool]) -> None:
    """Let an engine's connections use TLS; files are read for each, for certificates are renewed."""
    driver: Any = engine.dialect.loaded_dbapi

    @event.listens_for(engine, "do_connect")
    def _secure(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
        try:
            parameters["ssl"] = _context(options, given)
        except OSError as error:  # ssl.SSLError is one
            named = [f"{name}={options[name]}" for name in sorted(options.keys() - _SWITCHES - {"ssl_key_password"})]
            raise driver.OperationalError(_NO_TLS, f"{', '.join(named)}: {error}") from error


def _context(options: Mapping[str, Any], given: Mapping[str, bool]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=options.get("ssl_ca"), capath=options.get("ssl_capath"))
    # certificates that servers make for themselves lack extensions that Python 3.13 and later asks for
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    verified = given.get("ssl_verify_cert", True)
    context.check_hostname = verified and given.get("ssl_verify_identity", True)
    context.verify_mode = ssl.CERT_REQUIRED if verified else ssl.CERT_NONE
    if "ssl_cert" in options:
        # without a password OpenSSL would ask for one at the terminal
        password = options.get("ssl_key_password", "")
        context.load_cert_chain(options["ssl_cert"], options.get("ssl_key"), password)
    if "ssl_cipher" in options:
        context.set_ciphers(options["ssl_cipher"])
    return context
