#!/usr/bin/env bash
# The tree as a visitor finds it: the fixed top level, nothing that points outside, clean text.
# Looks at what is tracked and what would be.
set -u
cd "$(dirname "$0")/../.." || exit 1
n=0 bad=0
check() { # NAME OFFENDERS
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		bad=1
		echo "not ok $n - $1"
		head -n 20 <<<"$2" | sed 's/^/# /'
	fi
}
git() { command git -c safe.directory='*' "$@"; }
if ! git rev-parse --git-dir >/dev/null 2>&1; then
	echo '1..0 # SKIP not a git checkout'
	exit 0
fi
ours() { git ls-files --cached --others --exclude-standard; }
# raw octets, captured or fed to a fuzz target, are nobody's text, nor what a program is held to print
text() { git grep --untracked -nIE "$1" -- . ':!*.pcap' ':!*.pcapng' ':!test/fuzz/*/*' ':!test/trace/*'; }

fixed='smpp|core|store|config|tools|test|meson\.build|README\.md|LICENSE|\..*'
check 'the top level is the fixed set' "$(ours | cut -d/ -f1 | sort -u | grep -vxE "$fixed")"
check 'nothing but code lies in the folders of the house' "$(ours |
	grep -E '^(smpp|store|config|core)/' | grep -vE '^[a-z]+/[a-z0-9_]+\.(c|h|def)$|^config/(example|alerts)\.yaml$|^core/openapi\.json$')"
check 'every source is built' "$(ours | grep -E '\.c$' | while read -r f; do
	name=${f##*/} name=${name%.c} name=${name#test_} name=${name#fuzz_}
	[ -f "$f" ] && ! grep -qE "['/](fuzz_)?$name(\.c)?'" meson.build && echo "$f"; done)"
check 'nothing points outside the tree' "$(text '(^|[^[:alnum:]_.])/(ho[m]e|ro[o]t|wo[r]k)/|[.][.]/shared|/wo[r]k\b')"
check 'no line ends in blanks' "$(text '[[:blank:]]+$')"
check 'no carriage return' "$(text $'\r$')"
# but of gigabytes, whose maker is held so by esme_load.py, and where -w is refused
check 'every capture that a test makes is held against tshark' "$(
	grep -lE "'-w'|'--write-capture'|write_(pcap|capture)\(" test/e2e/*.py |
		grep -vE '/trace_(speed|message)\.py$' |
		xargs grep -LE 'dissect\.(agreed\(|MADE|Comparison\()')"
check 'no script lacks its mode' "$(ours | while read -r f; do
	[ -f "$f" ] && [ ! -x "$f" ] && head -c 2 "$f" | grep -q '#!' && echo "$f"; done)"
check 'no secret key lies in the tree' "$(text 'BEGIN ([A-Z]+ )?PRIVATE K[E]Y')"
check 'no README but the one and that of the vectors' "$(ours | grep -E '(^|/)README' |
	grep -vxE 'README\.md|test/vectors/README\.md')"
license=$(head -n 3 LICENSE 2>/dev/null)
check 'the licence is there' "$([[ $license = 'BSD 2-Clause License'*'The esmed authors' ]] || echo LICENSE)"
echo "1..$n"
exit $bad
