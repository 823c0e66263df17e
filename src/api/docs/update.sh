#!/bin/sh
# Fetches another release of swagger-ui-dist:   ./update.sh 5.35.0
# The files are kept compressed, as they are served; gzip's time stamp is left out, so the result is the same each time.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "swagger-ui-dist@${1:?which version?}" && tar xzf swagger-ui-dist-*.tgz)
for file in swagger-ui-bundle.js swagger-ui.css; do
    gzip -9 -n -c "$work/package/$file" > "$file.gz"
done
cp "$work/package/favicon-32x32.png" favicon.png
cp "$work/package/LICENSE" LICENSE-swagger-ui
