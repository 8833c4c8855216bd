#!/bin/sh
# From bounces to decisions, on the files of this folder. Nothing outside a temporary folder is written.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
BOUNCEWISE_DB="$work/ledger.sqlite"
export BOUNCEWISE_DB

step() { printf '\n\033[1m── %s\033[0m\n' "$1"; }

step "What do these replies mean?   bouncewise classify replies.txt"
bouncewise classify replies.txt

step "Bounces, a gzipped mbox, a feedback report, an out-of-office, a Postfix log   bouncewise read …"
bouncewise read bounces bounces.mbox.gz mail.log

step "The same into the ledger   bouncewise ingest …"
bouncewise ingest bounces bounces.mbox.gz mail.log

step "May they be mailed?   bouncewise check --at 2026-11-22 …"
bouncewise check --at 2026-11-22 ann@corp.example bob@mail.example lea@mail.example kim@blocked.example || true

step "Clean a list   bouncewise clean list.csv"
bouncewise clean list.csv --at 2026-11-22 -o "$work/clean.csv" --rejected "$work/rejected.csv"
cat "$work/clean.csv"
echo "… and dropped:"
cat "$work/rejected.csv"

step "What the ledger holds   bouncewise status"
bouncewise status --at 2026-11-22

if bouncewise serve --check-config >"$work/config" 2>&1; then
    step "As a service   bouncewise serve"
    printf '%s\n' '[http]' 'listen = "127.0.0.1:18025"' '[postfix_policy]' 'listen = "127.0.0.1:18026"' \
        '[smtp]' 'lmtp = "127.0.0.1:18027"' 'accept = ["bounces+*@sender.example"]' \
        '[[webhook]]' 'name = "postmark"' 'esp = "postmark"' 'secret = "env:DEMO_SECRET"' >"$work/bouncewise.toml"
    DEMO_SECRET=a-secret-of-this-demo bouncewise serve --config "$work/bouncewise.toml" &
    service=$!
    trap 'kill $service 2>/dev/null; rm -rf "$work"' EXIT
    DEMO_SECRET=a-secret-of-this-demo python service_demo.py
    kill $service
    wait $service 2>/dev/null || true
    trap 'rm -rf "$work"' EXIT
fi

step "The question it began with   bouncewise explain …"
bouncewise explain "550 5.4.1 Recipient address rejected: Access denied"
