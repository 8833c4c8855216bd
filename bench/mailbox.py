"""An mbox of any size, read by one process and by several: speed-up, peak memory of each process,
and equal output.

Run as: python bench/mailbox.py [--megabytes N] [--jobs N] [--rounds N]. It writes the mbox, of
bounces no two of which are alike: the fixtures' own, each with its own names, ids, dates and
delimiters. Prints ratios; exits 1 where the outputs differ.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from peak import run

HERE = Path(__file__).parent
FIXTURES = sorted((HERE.parent / "tests/fixtures/messages").glob("*.eml"))


def write(out: BinaryIO, octets: int) -> int:
    """Messages until *octets* are written; how many. A third carry the whole of a mail that came
    back.
    """
    draw = random.Random(1)  # noqa: S311
    raws = [file.read_bytes().replace(b"\r\n", b"\n") for file in FIXTURES]
    count = written = 0
    while written < octets:
        mark = f"{draw.getrandbits(40):010x}".encode()
        raw = draw.choice(raws)
        for old in (b'boundary="', b"boundary="):
            if (at := raw.find(old)) >= 0:
                start = at + len(old)
                delimiter = (
                    raw[start : start + 200]
                    .split(b'"' if old.endswith(b'"') else b"\n")[0]
                    .split(b";")[0]
                    .strip()
                )
                raw = raw.replace(delimiter, delimiter + mark) if len(delimiter) > 5 else raw
                break
        raw = raw.replace(b"@", b"." + mark + b"@").replace(
            b"Message-ID: <", b"Message-ID: <" + mark
        )
        if count % 3 == 0:
            raw += b"".join(
                b"%s %d of the mail that came back\n" % (mark * 5, n)
                for n in range(draw.randrange(200))
            )
        written += out.write(
            b"From MAILER-DAEMON Mon Nov 23 09:00:00 2026\n"
            + raw.replace(b"\nFrom ", b"\n>From ")
            + b"\n"
        )
        count += 1
    return count


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--megabytes", type=int, default=1000)
    args.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    args.add_argument("--rounds", type=int, default=2)
    options = args.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mbox = Path(folder) / "mbox"
        with mbox.open("wb") as out:
            count = write(out, options.megabytes << 20)
        print(f"{count:,} messages, {mbox.stat().st_size >> 20:,} MiB")
        for _ in range(options.rounds):
            one = run("read", "--json", "--jobs", "1", str(mbox))
            many = run("read", "--json", "--jobs", str(options.jobs), str(mbox))
            if one.digest != many.digest:
                sys.exit("the outputs differ")
            print(
                f"{options.jobs} jobs {one.seconds / many.seconds:5.2f} x one "
                f"({count / one.seconds:,.0f}/s); peak MiB: alone "
                f"{one.first >> 10}, with others {many.first >> 10}, each of the others "
                f"{many.others >> 10}; same output"
            )


if __name__ == "__main__":
    main()
