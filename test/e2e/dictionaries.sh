#!/usr/bin/env bash
# builds: asan
# The fuzzers' dictionaries are what their program makes of the rows today. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${ESMED_BUILD:-build}
n=0 bad=0

for file in test/fuzz/*.dict; do
	name=$(basename "$file" .dict)
	n=$((n + 1))
	if difference=$("$build/fuzz_dictionary" "$name" 2>&1 | diff - "$file"); then
		echo "ok $n - $file is up to date"
	else
		bad=1
		echo "not ok $n - $file is up to date"
		echo "# make it anew: $build/fuzz_dictionary $name >$file"
		head -n 10 <<<"$difference" | sed 's/^/# /'
	fi
done
echo "1..$n"
exit $bad
