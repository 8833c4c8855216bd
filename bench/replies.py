"""Measures verdicts against labelled replies: how many are correct, per confidence, and which valid
addresses they suppress.

Reads: FOLDER/replies.jsonl, lines with reply, cause, action, confidence ("agreed", "read",
"disputed"), alt, family. Prints tables and always exits 0: this is a measure, not a gate.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

from bouncewise.classifier.classify import default_classifier

APART = {"complaint", "challenge", "auto-reply", "suppressed"}  # not SMTP replies
RENAMED = {"address-access-denied": "access-denied"}
SUPPRESSING = ("suppress-address", "suppress-domain")


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("folder", type=Path)
    args.add_argument(
        "--misses", action="store_true", help="list every reply that was judged otherwise"
    )
    options = args.parse_args()
    file = options.folder / "replies.jsonl"
    if not file.exists():
        print(f"no labelled replies at {file}: nothing measured")
        return
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    rows = [row for row in rows if row["cause"] not in APART]
    measure(rows, options.misses)


def measure(rows: list[dict], misses: bool) -> None:
    right: dict[str, list[bool]] = defaultdict(list)
    families: dict[str, list[bool]] = defaultdict(list)
    sure: dict[int, list[bool]] = defaultdict(list)
    tiers: Counter[str] = Counter()
    living = []
    rules = {
        rule.id: tier
        for rule, tier in zip(
            default_classifier().ruleset.rules, default_classifier().ruleset.tiers, strict=True
        )
    }
    for row in rows:
        verdict = default_classifier().classify(row["reply"])
        allowed = {RENAMED.get(c, c) for c in [row["cause"], *row.get("alt", [])]}
        cause_ok, advice_ok = verdict.cause in allowed, verdict.advice == row["action"]
        tiers[rules.get(verdict.rule, "none")] += 1
        right["cause"].append(cause_ok)
        right["advice"].append(advice_ok)
        families[row["family"]].append(cause_ok)
        sure[int(verdict.confidence * 10)].append(cause_ok)
        if row["confidence"] == "agreed":
            right["cause, agreed"].append(cause_ok)
            if verdict.advice in SUPPRESSING and row["action"] not in (*SUPPRESSING, "review"):
                living.append(row)
        if misses and not (cause_ok and advice_ok):
            flag = ("" if cause_ok else "CAUSE ") + ("" if advice_ok else "advice")
            print(
                f"{row['id']:5} {flag:13} want {row['cause']}/{row['action']} got "
                f"{verdict.cause}/{verdict.advice}"
                f" {verdict.confidence} {verdict.rule}\n      {row['reply'][:230]}"
            )
    print(f"{len(rows)} labelled replies, {len(rules)} rules")
    for name, hits in right.items():
        print(f"  {name:15} {share(hits)}")
    print(f"  living suppressed {len(living)} {[row['id'] for row in living] or ''}")
    print(
        "by family:  "
        + "  ".join(f"{name} {share(hits)}" for name, hits in sorted(families.items()))
    )
    print(
        "confidence: "
        + "  ".join(f"{k / 10:.1f}+ {share(sure[k])}" for k in sorted(sure, reverse=True))
    )
    high = [ok for k, hits in sure.items() if k >= 9 for ok in hits]
    print(f"  of those sure by 0.9 or more: {share(high)}")
    print("decided by: " + "  ".join(f"{name} {n}" for name, n in tiers.most_common()))


def share(hits: list[bool]) -> str:
    return f"{sum(hits)}/{len(hits)} = {sum(hits) / len(hits):.1%}" if hits else "0/0"


if __name__ == "__main__":
    main()
