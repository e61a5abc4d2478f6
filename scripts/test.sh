#!/usr/bin/env bash
# Everything: unit, API, golden, architecture and integration tests against real servers, then what they prove.
# Arguments go to vitest. Leaves build/test-report.json.
set -uo pipefail
cd "$(dirname "$0")/.."

bash scripts/ensure-servers.sh --browser || exit 1
if [ -z "${GATEWAY_TEST_DATA:-}" ] && [ -d ../shared/data ]; then
  GATEWAY_TEST_DATA=$(cd ../shared/data && pwd)
  export GATEWAY_TEST_DATA
fi

report=build/test-report.json
rm -f "$report"
npx --no vitest run --reporter=default --reporter=json --outputFile.json="$report" "$@" </dev/null
tests=$?
npm run --silent requirements -- --report "$report"
proof=$?
node --import tsx scripts/closing-line.ts "$report"
counts=$?
exit $((tests || proof || counts))
