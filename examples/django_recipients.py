"""Mail of Django goes only to addresses that may be mailed: bouncewise is asked for each recipient.

For any backend of django-anymail. Put this file into an app, import it in ``AppConfig.ready``, and
set ``BOUNCEWISE_URL`` and ``BOUNCEWISE_TOKEN`` (scope ``check``) in the settings. A message counts
as transactional unless ``message.tags`` has ``marketing``. Where there is no answer, the message is
not sent: the exception says so, and the caller tries again later.
"""

from __future__ import annotations

from email.utils import parseaddr
from functools import cache
from typing import Any

from anymail.exceptions import AnymailCancelSend
from anymail.signals import pre_send
from django.conf import settings
from django.dispatch import receiver

from bouncewise.client import Client


@cache
def client() -> Client:
    """One client, and its connections, for the process."""
    return Client(settings.BOUNCEWISE_URL, settings.BOUNCEWISE_TOKEN, timeout=5)


@receiver(pre_send)
def drop_recipients(sender: type, message: Any, **kwargs: Any) -> None:
    """Take off the recipients who must not be mailed; cancel a message that has none left."""
    everybody = [*message.to, *message.cc, *message.bcc]
    is_transactional = "marketing" not in (getattr(message, "tags", None) or ())
    answers = client().check_many(
        [parseaddr(given)[1] for given in everybody], transactional=is_transactional
    )
    refused = {given for given, a in zip(everybody, answers.answers, strict=True) if not a.send}
    for field in ("to", "cc", "bcc"):
        setattr(message, field, [g for g in getattr(message, field) if g not in refused])
    if not message.recipients():
        raise AnymailCancelSend(f"no recipient may be mailed: {', '.join(sorted(refused))}")
