#!/bin/sh
# Releases what claim.sh has claimed. Does nothing where it has claimed nothing.
#
# Environment: LARDER_URL, LARDER_TOKEN, and LARDER_CI_FILE where claim.sh had it.
set -eu

file=${LARDER_CI_FILE:-.larder-claim}
if [ -s "$file" ]; then
  larder release "$(cat "$file")"
  rm -f "$file"
fi
