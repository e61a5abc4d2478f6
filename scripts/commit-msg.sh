#!/usr/bin/env bash
# Refuses a commit whose subject is not "area: what now holds" in at most 72 characters.
# To use it: ln -s ../../scripts/commit-msg.sh .git/hooks/commit-msg
set -euo pipefail
subject=$(grep -v '^#' "$1" | head -n 1)
if [ ${#subject} -gt 72 ]; then
  echo "the subject has ${#subject} characters, 72 are allowed: $subject" >&2
  exit 1
fi
if ! [[ $subject =~ ^[a-z][a-z0-9/-]*:\ [^\ ].*[^.]$ ]]; then
  echo "write the subject as 'area: what now holds', without a full stop: $subject" >&2
  exit 1
fi
