#!/usr/bin/env bash
# Makes the pictures of the pages, wide and narrow, light and dark, from the night that a test stages. Needs what
# `cargo xtask test` installs.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo test -p smswatch --test e2e pages::every_page_fits_every_screen
rm -f docs/images/pages/*.png
mkdir -p docs/images/pages
cp target/pictures/{now,story,dead-letters}-{wide,narrow}-{light,dark}.png docs/images/pages
cp target/pictures/{messages,delivery,sinks,preview,silences,new-silence,rules,campaigns}-{wide-light,narrow-dark}.png docs/images/pages
