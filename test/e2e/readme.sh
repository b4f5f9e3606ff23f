#!/usr/bin/env bash
# builds: plain
# The tour of README.md, block by block in one shell, as a reader would type it. Each block succeeds,
# and each line that the page shows below it comes out, but for numbers, ids and times.
# `readme.sh --show` prints what comes out instead.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
built=$(cd "${ESMED_BUILD:-$root/build}" && pwd)
work=$(mktemp -d) || exit 1
script=$work/script
trap 'rm -rf "$work"' EXIT

# The tree as the reader has it, with build/ where these programs are. Root is asked for a user.
mkdir "$work/tree" "$work/tree/build"
ln -s "$root/config" "$work/tree/config"
for program in esmectl smsc-sim esme-load smpp-trace; do
	ln -s "$built/$program" "$work/tree/build/$program"
done
unasked=''
# shellcheck disable=SC2016 # the wrapper's shell expands them
[ "$(id -u)" -ne 0 ] || unasked='case $1 in --config) set -- --allow-root "$@" ;; esac'
printf '#!/bin/sh\n%s\nexec "%s/esmed" "$@"\n' "$unasked" "$built" >"$work/tree/build/esmed"
chmod +x "$work/tree/build/esmed"

# block N KIND: the N-th block of the tour that begins with ```KIND directly (text: its output)
block() {
	awk -v want="$1" -v kind="$2" '
		/^## / { tour = /^## A tour/ }
		!tour { next }
		/^```sh$/ { n++; inside = kind == "sh"; next }
		/^```text$/ { inside = kind == "text"; next }
		/^```$/ { inside = 0; next }
		inside && n == want' "$root/README.md"
}
blocks=$(awk '/^## / { tour = /^## A tour/ } tour && /^```sh$/ { n++ } END { print n + 0 }' "$root/README.md")

# A failing block ends the script; what runs in the background is then ended by its pid.
{
	echo 'set -e'
	# shellcheck disable=SC2016 # and here the tour's
	echo 'trap "kill \${trace-} \${daemon-} \${carrier-} 2>/dev/null || :" EXIT'
	for ((n = 1; n <= blocks; n++)); do
		printf 'exec >"%s/out.%d" 2>&1\n' "$work" "$n"
		block "$n" sh
		printf 'echo done >"%s/done.%d"\n' "$work" "$n"
	done
} >"$script"
(cd "$work/tree" && TMPDIR=$work timeout 120 bash "$script")

# Numbers, ids, paths and times are other ones each time; how wide they are moves columns.
plain() {
	sed -E 's#/[^ ]*/##g; s/esmed_[0-9a-f]+/KEY/g; s/[0-9a-f]{10,}/ID/g; s/[0-9]+([.,:T-][0-9]+)*Z?/N/g;
		s/\*+N/N/g; s/N (ms|s)\>/N T/g; s/[[:space:]]+/ /g; s/^ //; s/ $//'
}

if [ "${1-}" = --show ]; then
	for ((n = 1; n <= blocks; n++)); do
		echo "@$n"
		cat "$work/out.$n"
	done
	exit 0
fi
bad=0
echo "1..$((blocks * 2))"
for ((n = 1; n <= blocks; n++)); do
	title=$(block "$n" sh | head -n 1)
	if [ -f "$work/done.$n" ]; then echo "ok $((2 * n - 1)) - block $n runs: ${title:0:60}"
	else
		bad=1
		echo "not ok $((2 * n - 1)) - block $n runs: ${title:0:60}"
		[ ! -f "$work/out.$n" ] || tail -n 20 "$work/out.$n" | sed 's/^/# /'
	fi
	[ -f "$work/out.$n" ] || : >"$work/out.$n"
	missing=$(block "$n" text | grep -v '^…$' | plain | grep -vxFf <(plain <"$work/out.$n"))
	if [ -z "$missing" ]; then echo "ok $((2 * n)) - block $n says what the page says"
	else
		bad=1
		echo "not ok $((2 * n)) - block $n says what the page says"
		printf '# not said: %s\n' "${missing//$'\n'/$'\n# not said: '}"
		plain <"$work/out.$n" | head -n 40 | sed 's/^/# said: /'
	fi
done
exit $bad
