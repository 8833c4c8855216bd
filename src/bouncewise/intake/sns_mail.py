"""Whether Amazon SNS signed an event that it sent by mail.

Reads: the certificates in a folder of the operator, and the JSON in the mail. Gives: True if one of
them signed it for a topic of the operator. Nothing is fetched: SNS names the certificate by a URL,
``https://sns.REGION.amazonaws.com/SimpleNotificationService-….pem``, and the operator puts the file
of that name into the folder. Refuses: what is signed for other topics, and certificates outside
their period of validity at the time of the event.
"""

from __future__ import annotations

from pathlib import Path

from bouncewise.config.load import read_small
from bouncewise.config.settings import TrustSettings
from bouncewise.errors import ConfigError
from bouncewise.providers.claims import ForgedError, SignedRequest
from bouncewise.providers.keys import UnableError
from bouncewise.providers.sns import SnsKeys, envelope, topic_host

_MAX_CERTIFICATE = 1 << 16
_MAX_FILES = 100


def sns_keys_of(settings: TrustSettings) -> SnsKeys | None:
    """The operator's topics and certificates; None if there are none. Raises ConfigError."""
    if not (settings.sns_certificates and settings.sns_topics):
        return None
    folder = Path(settings.sns_certificates)
    try:
        paths = sorted(folder.glob("SimpleNotificationService-*.pem"))[:_MAX_FILES]
        if not folder.is_dir():
            raise ConfigError(f"{folder}: [trust] sns_certificates is not a folder")
    except OSError as bad:
        raise ConfigError(f"{folder}: {bad.strerror or bad}") from None
    for topic in settings.sns_topics:
        if topic_host(topic) is None:
            raise ConfigError(f"[trust] sns_topics: {topic!r:.200} is not the ARN of a topic")
    hosts = {topic_host(topic) for topic in settings.sns_topics}
    pems = {path.name: read_small(path, _MAX_CERTIFICATE) for path in paths}
    return SnsKeys(
        frozenset(settings.sns_topics),
        {
            f"https://{host}/{name}": pem
            for host in sorted(filter(None, hosts))
            for name, pem in pems.items()
        },
    )


def is_signed(raw: bytes, keys: SnsKeys) -> bool:
    """Whether the envelope in *raw* is signed, by a certificate that was valid at its time."""
    try:
        claim = envelope(SignedRequest("", {}, raw), "")
        return claim.at is not None and keys.matches(claim, claim.at)
    except (ForgedError, UnableError):
        return False
