#!/usr/bin/env bash
# The lists of demands: test/acceptance.tsv, checks.tsv, faults.tsv, invariants.tsv. A row is an id,
# a sentence, and the tests that prove it (comma separated, `-` while there is none). A test is the
# name of a cmocka function, a script of test/ or test/e2e/, or `script:case` with the words of
# one case. `lists.sh print NAME` shows a list and fails while it has gaps; `lists.sh` alone
# prints TAP: each list is whole and names only tests that exist.
set -u
cd "$(dirname "$0")" || exit 1

functions=$(sed -nE 's/^static void (test_[A-Za-z0-9_]+)\(void \*\*.*/\1/p' ./*.c sim/*.c 2>/dev/null)

exists() {
	local script=${1%%:*} file
	if grep -qxF -- "$1" <<<"$functions"; then return 0; fi
	for file in "$script" "e2e/$script" "sim/$script"; do
		[ -f "$file" ] || continue
		[ "$script" = "$1" ] || grep -qF -- "${1#*:}" "$file"
		return
	done
	return 1
}

# gaps FILE: the ids that have no test, or name one that does not exist
gaps() {
	local id tests name names
	while IFS=$'\t' read -r id _ tests; do
		[ "$tests" != - ] || { echo "$id has no test"; continue; }
		IFS=, read -ra names <<<"$tests"
		for name in "${names[@]}"; do
			exists "$name" || echo "$id names $name, which does not exist"
		done
	done < <(cat "$1" 2>/dev/null)
}

# whole FILE PREFIX LAST: ids PREFIX1..PREFIXLAST in order, three columns, a sentence in each
whole() {
	[ -f "$1" ] || { echo "there is no $1"; return; }
	awk -F'\t' -v p="$2" -v last="$3" '
		$1 != p NR { print "line " NR ": expected " p NR ", found " $1 }
		NF != 3 || length($2) < 12 || $3 == "" { print "line " NR ": not id, sentence, tests" }
		END { if (NR != last) print NR " rows, not " last }' "$1"
}

case ${1-} in
print)
	cat "$2.tsv"
	missing=$(gaps "$2.tsv")
	[ -z "$missing" ] || { printf '\n%s\n' "$missing" >&2; exit 1; }
	exit 0
	;;
esac

n=0 bad=0
while read -r name prefix last; do
	n=$((n + 1))
	prefix=${prefix#.}
	wrong=$(whole "$name.tsv" "$prefix" "$last"; gaps "$name.tsv" | grep 'not exist')
	if [ -z "$wrong" ]; then
		echo "ok $n - $name.tsv is whole and names tests that exist"
	else
		bad=1
		echo "not ok $n - $name.tsv is whole and names tests that exist"
		echo "${wrong//$'\n'/$'\n# '}" | sed '1s/^/# /'
	fi
done <<'LISTS'
acceptance .A 112
checks . 115
faults .F 38
invariants .I 22
LISTS
echo "1..$n"
exit $bad
