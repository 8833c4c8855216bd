"""The dashboard over a simulated sender: python -m bench.world.shown [--only-ledger FOLDER].

Writes a log of forty days of mail to 900 addresses, with dead addresses, an outage of a receiver's
directory, two days on which a receiver blocks the sender, deferrals, and replies that no rule
knows; reads it, DMARC reports of a domain with a broken DKIM key, and a list of suppressions into a
ledger in a temporary folder; notes what a look at DNS gives, by a table of answers; and starts
``bouncewise dashboard``.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from bouncewise.ledger import open_store
from bouncewise.net.dns import NoSuchNameError
from bouncewise.operations.watch import Watched, watch
from bouncewise.sender.blocklists import Zone

HOSTS = {
    "gmail.com": "gmail-smtp-in.l.google.com",
    "outlook.com": "outlook-com.olc.protection.outlook.com",
    "yahoo.com": "mta5.am0.yahoodns.net",
    "icloud.com": "mx01.mail.icloud.com",
    "corp.example": "corp-example.mail.protection.outlook.com",
    "uni.example": "mx.uni.example",
}
GONE = "550-5.1.1 The email account that you tried to reach does not exist. - gsmtp"
UNKNOWN = "550 5.1.1 User unknown"
DENIED = "550 5.4.1 Recipient address rejected: Access denied. [DB5EUR03FT003]"
BLOCKED = (
    "550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. Please contact your Internet "
    "service provider since part of their network is on our block list (S3140)."
)
GREY = "450 4.2.0 Greylisted, please try again in 300 seconds"
SLOW = "421 4.7.0 Try again later, closing connection"
RARE = (
    "554 Zorp {queue} wibble at the moon",
    "550 kitchen closed, come back with an invitation for <{name}>",
    "552 5.2.2 the box of {name} has no room",
)
PEOPLE, DAYS, DEAD = 900, 40, 40


def log(now: datetime) -> str:
    """The log of Postfix for mail every second day up to *now*."""
    draw = random.Random(5)  # noqa: S311
    domains = list(HOSTS)
    people = [f"u{n}@{draw.choice(domains)}" for n in range(PEOPLE)]
    dead = set(draw.sample(people, DEAD))
    lines = []
    for day in range(DAYS, -1, -2):
        for number, name in enumerate(people):
            at = now - timedelta(days=day, hours=2) + timedelta(seconds=number)
            reply = _reply(draw, name, day, is_dead=name in dead)
            lines.append(_line(at, name, reply, f"{day:02X}{number:07X}"))
    return "".join(lines)


def _reply(draw: random.Random, name: str, day: int, *, is_dead: bool) -> str:
    domain = name.rpartition("@")[2]
    if is_dead and day < 30:
        return {"corp.example": DENIED, "gmail.com": GONE}.get(domain, UNKNOWN)
    if domain == "gmail.com" and day == 0 and draw.random() < 0.5:
        return GONE
    if domain == "outlook.com" and day in (4, 6):
        return BLOCKED
    chance = draw.random()
    if chance < 0.004:
        return "552 5.2.2 Mailbox full"
    if chance < 0.009:
        return draw.choice(RARE).format(queue=f"{draw.randrange(1 << 30):X}", name=name)
    return draw.choice((GREY, SLOW)) if chance < 0.03 else ""


def _line(at: datetime, name: str, reply: str, queue: str) -> str:
    host = HOSTS[name.rpartition("@")[2]]
    said = f"host {host}[192.0.2.9] said: {reply} (in reply to RCPT TO command)"
    outcome = "dsn=2.0.0, status=sent (250 2.0.0 Ok)"
    if reply:
        failed = "dsn=4.0.0, status=deferred" if reply[0] == "4" else "dsn=5.0.0, status=bounced"
        outcome = f"{failed} ({said})"
    return (
        f"{at.isoformat(timespec='microseconds')} mx postfix/smtp[7]: {queue}: to=<{name}>, "
        f"relay={host}[192.0.2.9]:25, delay=1, {outcome}\n"
    )


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--only-ledger", type=Path, metavar="FOLDER", help="keep the ledger there")
    folder = args.parse_args().only_ledger
    if folder is not None:
        fill(folder)
        return
    with tempfile.TemporaryDirectory() as name:
        ledger = fill(Path(name))
        run = [sys.executable, "-m", "bouncewise", "dashboard", "--db", str(ledger)]
        raise SystemExit(subprocess.run(run, check=False).returncode)  # noqa: S603


def fill(folder: Path) -> Path:
    """Write the log and read it, and the rest; the ledger."""
    now = datetime.now(UTC)
    ledger = folder / "ledger.sqlite"
    (folder / "mail.log").write_text(log(now), "utf-8")
    for number, (receiver, passed, failed) in enumerate(REPORTERS):
        begun = int((now - timedelta(days=2)).timestamp()) // 86_400 * 86_400
        report = dmarc_report(f"{receiver}-{number}", receiver, begun, passed, failed)
        (folder / f"dmarc-{number}.xml").write_text(report, "utf-8")
    run(ledger, "ingest", str(folder / "mail.log"), *map(str, sorted(folder.glob("dmarc-*.xml"))))
    names = "".join(f"left{n}@{domain}\n" for n in range(40) for domain in HOSTS)
    (folder / "suppressions.csv").write_text(f"email\n{names}", "utf-8")
    run(ledger, "suppressions", "import", str(folder / "suppressions.csv"))
    with open_store(ledger) as store:
        for hours in (1, 0):  # (a listing counts when two looks agree)
            at = now - timedelta(hours=hours)
            watched = Watched((DOMAIN,), (IP,), (LIST,), _resolve)
            watch(store, watched, at, everything=True)
    return ledger


def run(ledger: Path, *verb: str) -> None:
    """Run a verb on the ledger."""
    done = [sys.executable, "-m", "bouncewise", *verb, "--db", str(ledger)]
    subprocess.run(done, check=True, stdout=subprocess.DEVNULL)  # noqa: S603


DOMAIN, IP = "shop.example", ip_address("192.0.2.7")
LIST = Zone(name="bl.lists.example", asks="ip", tier="B", codes={"127.0.0.2": "source of spam"})
REPORTERS = (("google.com", 5210, 640), ("yahoo.example", 1804, 11), ("gmx.example", 920, 0))
ANSWERS = {
    (DOMAIN, "TXT"): '"v=spf1 ip4:192.0.2.7 ~all"',
    (DOMAIN, "MX"): "10 mx.shop.example.",
    ("mx.shop.example", "A"): "192.0.2.7",
    ("2.0.0.127.bl.lists.example", "A"): "127.0.0.2",
    ("7.2.0.192.bl.lists.example", "A"): "127.0.0.2",
}


def _resolve(name: str, record_type: str) -> list[str]:
    """DNS as a table: a domain without DMARC record, and an address on a list."""
    found = ANSWERS.get((name.rstrip(".").lower(), record_type))
    if found is None:
        raise NoSuchNameError(name)
    return [found]


def dmarc_report(report: str, receiver: str, begun: int, passed: int, failed: int) -> str:
    """An aggregate report (RFC 7489 appendix C) with mails that pass, and some whose DKIM fails."""
    rows = "".join(
        f"<record><row><source_ip>{IP}</source_ip><count>{count}</count><policy_evaluated>"
        f"<disposition>none</disposition><dkim>{result}</dkim><spf>fail</spf></policy_evaluated>"
        f"</row><identifiers><header_from>{DOMAIN}</header_from></identifiers><auth_results><dkim>"
        f"<domain>{DOMAIN}</domain><selector>s1</selector><result>{result}</result></dkim>"
        "</auth_results></record>"
        for count, result in ((passed, "pass"), (failed, "fail"))
        if count
    )
    return (
        '<?xml version="1.0"?><feedback><report_metadata>'
        f"<org_name>{receiver}</org_name><email>dmarc@{receiver}</email>"
        f"<report_id>{report}</report_id><date_range><begin>{begun}</begin>"
        f"<end>{begun + 86_399}</end></date_range></report_metadata><policy_published>"
        f"<domain>{DOMAIN}</domain><p>none</p><pct>100</pct></policy_published>{rows}</feedback>"
    )


if __name__ == "__main__":
    main()
