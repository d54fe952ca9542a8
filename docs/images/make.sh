#!/usr/bin/env bash
# Makes the pictures of the guides from what the code renders. Needs Chromium and Python.
set -euo pipefail
cd "$(dirname "$0")"
snapshots=../../crates/smswatch-sink-email/src/render/snapshots
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The mail of a test's snapshot, without what insta writes above it.
awk 'body { print } /^---$/ && ++lines == 2 { body = 1 }' \
    "$snapshots/smswatch_sink_email__render__tests__one_event_as_html.snap" > "$work/mail.html"
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=680,600 \
    --screenshot="$PWD/mail.png" "file://$work/mail.html" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
