#!/bin/sh
# Fetches the files listed in VENDOR.md from the npm registry again: packs each package
# into a temporary directory, checks the tarball against the integrity in the list,
# copies the listed files and rewrites their sha256. Needs npm; nothing else here does.
set -eu
cd "$(dirname "$0")"
list=$PWD/VENDOR.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A line of the list has seven fields, and its third is the tarball's integrity.
files() { awk 'NF == 7 && $3 ~ /^sha512-/' "$list"; }

files | awk '{ print $1, $2, $3 }' | sort -u | while read -r package version integrity; do
	dir=$work/$package@$version
	mkdir -p "$dir"
	tarball=$(cd "$dir" && npm pack --silent "$package@$version")
	got=sha512-$(node -e '
		const { createHash } = require("crypto"), { readFileSync } = require("fs");
		process.stdout.write(createHash("sha512").update(readFileSync(process.argv[1])).digest("base64"))
	' "$dir/$tarball")
	if [ "$got" != "$integrity" ]; then
		echo "$package@$version: integrity is $got, VENDOR.md says $integrity" >&2
		exit 1
	fi
	tar -xzf "$dir/$tarball" -C "$dir"
done

rm -rf vendor
files | while read -r package version integrity path dest sum licence; do
	mkdir -p "$(dirname "$dest")"
	cp "$work/$package@$version/package/$path" "$dest"
	new=$(sha256sum "$dest" | cut -d ' ' -f 1)
	printf '%s %s\n' "$dest" "$new" >>"$work/sums"
done

awk -v sums="$work/sums" '
	BEGIN { while ((getline line < sums) > 0) { split(line, f, " "); sum[f[1]] = f[2] } }
	NF == 7 && $5 in sum { $6 = sum[$5] }
	{ print }
' "$list" >"$work/list"
cp "$work/list" "$list"
