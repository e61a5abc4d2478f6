#!/usr/bin/env bash
# Types, format, lint, floors, dead code, fresh generated docs.
set -euo pipefail
cd "$(dirname "$0")/.."
npx tsc --noEmit
npx biome check --error-on-warnings .
npx depcruise src --config .dependency-cruiser.mjs --output-type err
npx knip --no-progress
npm run --silent generate
git diff --exit-code --stat -- docs src/api/cabinet/types.ts || {
  echo "generated files were stale: commit what 'npm run generate' wrote" >&2
  exit 1
}
