"""Words that speak against suppressing anybody, beside words of a dead address."""

from __future__ import annotations

import pytest

from bouncewise import classify
from bouncewise.model import Advice

SUPPRESSING = (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN)


@pytest.mark.parametrize(
    "reply",
    [
        "550 Empfänger unbekannt, bitte später erneut versuchen",
        "550 destinataire inconnu, réessayez plus tard",
        "550 用户不存在，请稍后再试",
        "550 ユーザーが見つかりません。後でもう一度お試しください",
        "550 Почтовый ящик временно заблокирован",
        "550 mailbox disabled, retry in 1 hour",
        "550 Das Konto des Absenders wurde deaktiviert",
        "550 发件人邮箱不存在",
        "550 Ihre Domain existiert nicht",
        "550 votre compte a été désactivé",
        "550 Ваш аккаунт заблокирован",
        "550 el dominio del HELO no existe",
        "550 5.7.1 DKIM d= domain does not exist",
        "550 5.1.1 user unknown due to LDAP error",
        "550 5.7.25 host unknown",
    ],
)
def test_a_doubtful_reply_suppresses_nobody(reply: str) -> None:
    assert classify(reply).advice not in SUPPRESSING


@pytest.mark.parametrize(
    "reply",
    [
        "550 5.1.1 Empfänger unbekannt",
        "550 Cette adresse n'existe pas",
        "550 用户不存在",
        "550 5.1.1 <a@b.example>: User unknown in local recipient table",
        "550 5.2.1 The email account that you tried to reach is disabled",
        "host mx.b.example said: 550 5.1.1 user unknown (in reply to end of DATA command)",
        "550 5.1.2 Host unknown (Name server: b.example: host not found)",
    ],
)
def test_a_clear_reply_suppresses(reply: str) -> None:
    assert classify(reply).advice in SUPPRESSING
