"""Measures the reader of DMARC aggregate reports: records per CPU second, against the floor (expat
that only parses) and against parsedmarc where it is installed (``pip install parsedmarc``).
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from io import BytesIO
from xml.parsers import expat

from bouncewise.model import DmarcReport
from bouncewise.readers.reports import dmarc

_HEAD = """<?xml version="1.0" encoding="UTF-8" ?>
<feedback><version>1.0</version><report_metadata><org_name>there.example</org_name>
<email>dmarc@there.example</email><report_id>{number}</report_id><date_range><begin>1795305600</begin>
<end>1795391999</end></date_range></report_metadata><policy_published><domain>example.com</domain>
<adkim>r</adkim><aspf>r</aspf><p>none</p><sp>none</sp><pct>100</pct></policy_published>
"""
_RECORD = """  <record>
    <row><source_ip>{ip}</source_ip><count>{count}</count><policy_evaluated>
      <disposition>none</disposition><dkim>{dkim}</dkim><spf>{spf}</spf></policy_evaluated></row>
    <identifiers><header_from>example.com</header_from></identifiers>
    <auth_results><dkim><domain>example.com</domain><result>{dkim}</result><selector>s1</selector></dkim>
      <spf><domain>b.example.com</domain><result>{spf}</result></spf></auth_results>
  </record>
"""


def documents(many: int, records: int, seed: int) -> list[bytes]:
    """Reports of about *records* records each."""
    rnd = random.Random(seed)  # noqa: S311
    found = []
    for number in range(many):
        rows = "".join(
            _RECORD.format(
                ip=f"198.51.{rnd.randrange(256)}.{rnd.randrange(256)}",
                count=rnd.choice((1, 1, 1, 2, 3, 250)),
                dkim=rnd.choice(("pass", "pass", "fail")),
                spf=rnd.choice(("pass", "pass", "fail")),
            )
            for _ in range(rnd.randrange(1, 2 * records))
        )
        found.append((_HEAD.format(number=number) + rows + "</feedback>").encode())
    return found


def _ours(document: bytes) -> int:
    found = [i for i in dmarc.read(BytesIO(document), "x", 0) if isinstance(i, DmarcReport)]
    return len(found[0].rows)


def _floor(document: bytes) -> int:
    parser = expat.ParserCreate()
    parser.StartElementHandler = parser.EndElementHandler = lambda *_: None
    parser.CharacterDataHandler = lambda _: None
    parser.Parse(document, True)
    return document.count(b"<record>")


def _rate(read: Callable[[bytes], int], texts: list[bytes]) -> float:
    began = time.process_time()
    records = sum(map(read, texts))
    return records / (time.process_time() - began)


def main() -> None:
    """Print rates and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=300)
    parser.add_argument("--records", type=int, default=12, help="records of a report, on average")
    options = parser.parse_args()
    texts = documents(options.reports, options.records, 1)
    ours, floor = _rate(_ours, texts), _rate(_floor, texts)
    print(
        f"records per CPU second: {ours:,.0f}; expat alone {floor:,.0f} (ratio {ours / floor:.2f})"
    )
    try:
        import parsedmarc
    except ImportError:
        print("parsedmarc is not installed: no comparison")
        return

    def peer(document: bytes) -> int:
        found = parsedmarc.parse_aggregate_report_xml(document.decode(), offline=True)
        return len(found["records"])

    theirs = _rate(peer, texts)
    print(f"parsedmarc {theirs:,.0f} (ratio {ours / theirs:.1f})")


if __name__ == "__main__":
    main()
