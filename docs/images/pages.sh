#!/usr/bin/env bash
# Makes the pictures of the pages, wide and narrow, light and dark, from the night that a test stages, and the table of what
# the browser measured of them in docs/benchmarks.md. Needs what `cargo xtask test` installs.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo test -p smswatch --test e2e pages::every_page
rm -f docs/images/pages/*.png
mkdir -p docs/images/pages
cp target/pictures/{now,story,dead-letters}-{wide,narrow}-{light,dark}.png docs/images/pages
cp target/pictures/{messages,delivery,sinks,preview,silences,new-silence,rules,campaigns}-{wide-light,narrow-dark}.png docs/images/pages
sed -i -e '/^<!-- pages -->$/,/^<!-- end of pages -->$/{//!d}' -e '/^<!-- pages -->$/r target/pictures/figures.md' docs/benchmarks.md
