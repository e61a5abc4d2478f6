#!/usr/bin/env bash
# Makes sure of what the tests need beside Node: redis-server, PostgreSQL 15, OpenSSL's GOST engine and,
# with --browser, chromium. REDIS_URL and DATABASE_URL name servers that are used instead.
set -euo pipefail

postgres_is_here() {
  [ -x /usr/lib/postgresql/15/bin/initdb ] || initdb --version 2>/dev/null | grep -qE ' (1[5-9]|[2-9][0-9])\b'
}
gost_is_here() { openssl engine gost >/dev/null 2>&1; }

missing=()
[ -n "${REDIS_URL:-}" ] || command -v redis-server >/dev/null || missing+=(redis-server)
[ -n "${DATABASE_URL:-}" ] || postgres_is_here || missing+=(postgresql-15)
command -v openssl >/dev/null || missing+=(openssl)
gost_is_here || missing+=(libengine-gost-openssl)
[ "${1:-}" != --browser ] || command -v chromium >/dev/null || missing+=(chromium)
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  cat >&2 <<EOF
The tests need software that this machine lacks: ${missing[*]}
On Debian or Ubuntu:  sudo apt-get install --no-install-recommends ${missing[*]}
Elsewhere: set REDIS_URL to a Redis 7 and DATABASE_URL to a PostgreSQL 15 or newer
(its user must be allowed to create databases), and install OpenSSL 3 with the GOST engine.
EOF
  exit 1
fi

echo "installing with apt: ${missing[*]}"
# the tests start servers of their own: the packages' services stay off
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
{ apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null || {
  cat "$log" >&2
  echo "apt could not install: ${missing[*]}" >&2
  exit 1
}
rm -f "$log"
gost_is_here || { echo "openssl does not load the GOST engine" >&2; exit 1; }
