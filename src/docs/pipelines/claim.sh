#!/bin/sh
# Claims a workspace for the steps of a CI job.
#
#   variables=$(sh claim.sh) && eval "$variables"     in a shell
#   sh claim.sh                                       in a step of GitHub: later steps have the variables
#
# Environment:
#   LARDER_URL, LARDER_TOKEN   the server and the token
#   LARDER_CI_PRESET           organization/template/preset, or template/preset
#   LARDER_CI_WAIT             how long it waits where none is in stock; 10m
#   LARDER_CI_TTL              when the claim ends by itself, for a job that is killed; 1h
#   LARDER_CI_JOB              the label ci-job of the claim; "local"
#   LARDER_CI_FILE             where the claim's id is kept for release.sh; .larder-claim
set -eu

variables=$(larder claim "${LARDER_CI_PRESET:?is not set}" --wait="${LARDER_CI_WAIT:-10m}" \
  --ttl="${LARDER_CI_TTL:-1h}" --label "ci-job=${LARDER_CI_JOB:-local}" -o env)
claim=$(printf '%s\n' "$variables" | sed -n "s/^export LARDER_CLAIM_ID='\(.*\)'$/\1/p" | head -n 1)
printf '%s\n' "$claim" > "${LARDER_CI_FILE:-.larder-claim}"

if [ -z "${GITHUB_ENV:-}" ]; then
  printf '%s\n' "$variables"
  exit
fi

# In an empty environment, the variables are exactly what the text sets. awk prints them, whatever the values hold.
each() {
  printf '%s\n' "$variables" | env -i PATH="$PATH" LC_ALL=C /bin/sh -c 'eval "$(cat)"; exec awk "$@"' sh "$@"
}

# GitHub shows *** in its logs for each line of an output that is long enough to be a secret.
each 'BEGIN {
  for (name in ENVIRON)
    if (name ~ /^LARDER_OUTPUT_/) {
      count = split(ENVIRON[name], lines, "\n")
      for (nth = 1; nth <= count; nth++)
        if (length(lines[nth]) >= 8) {
          gsub(/%/, "%25", lines[nth])
          gsub(/\r/, "%0D", lines[nth])
          print "::add-mask::" lines[nth]
        }
    }
}'
# No value can hold the random line that ends it.
end=end-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
each -v end="$end" 'BEGIN {
  for (name in ENVIRON)
    if (name ~ /^LARDER_/)
      printf "%s<<%s\n%s\n%s\n", name, end, ENVIRON[name], end
}' >> "$GITHUB_ENV"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  printf 'claim=%s\n' "$claim" >> "$GITHUB_OUTPUT"
fi
