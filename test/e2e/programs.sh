#!/usr/bin/env bash
# builds: plain
# What every program owes whoever meets it first: help, version, an error for what it does not
# know, a manual page; and an install that puts each of them where it belongs.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$ESMED_BUILD" || exit 1
n=0 bad=0
check() { # NAME COMMAND...
	local name=$1
	shift
	n=$((n + 1))
	if "$@"; then echo "ok $n - $name"; else bad=1; echo "not ok $n - $name"; fi
}
version=$(sed -nE "s/^\tversion: '(.*)',/\1/p" "$root/meson.build")
says_version() { [ "$("./$1" --version)" = "$1 $version" ]; }
helps() { "./$1" --help >"$TMPDIR/help" && [ "$(wc -l <"$TMPDIR/help")" -ge 3 ] && grep -q "$1" "$TMPDIR/help"; }
refuses() { ! "./$1" --no-such-option >"$TMPDIR/refused" 2>&1 && grep -q 'no-such-option' "$TMPDIR/refused"; }
narrow() { ! awk 'length > 100' "$TMPDIR/help" | grep -q .; }
for program in esmed esmectl smpp-trace smsc-sim esme-load; do
	[ -x "$program" ] || continue
	check "$program --version names itself and $version" says_version $program
	check "$program --help explains itself" helps $program
	check "$program keeps its help within a hundred columns" narrow
	check "$program names an option that it does not know and fails" refuses $program
done
[ $n -gt 0 ] || { echo '1..0 # SKIP no program is built'; exit 0; }

meson install -C . --no-rebuild --destdir "$TMPDIR/tree" >"$TMPDIR/install" 2>&1
check 'install succeeds' [ $? -eq 0 ]
for program in esmed esmectl smpp-trace smsc-sim esme-load; do
	check "$program is installed" test -n "$(find "$TMPDIR/tree" -path "*/*bin/$program" -perm -755)"
	check "$program has a manual page" test -n "$(find "$TMPDIR/tree" -path "*/man?/$program.[18]" -size +0)"
done
check 'the API has a manual page' test -n "$(find "$TMPDIR/tree" -path '*/man7/esmed-api.7' -size +0)"
check 'the configuration has a manual page' test -n "$(find "$TMPDIR/tree" -path '*/man5/esmed.conf.5')"
check 'the example configuration is installed' test -n "$(find "$TMPDIR/tree" -name example.yaml)"
extcap=$(find "$TMPDIR/tree" -path '*/wireshark/extcap/smpp-trace')
check 'smpp-trace is installed for Wireshark' test -x "$TMPDIR/tree$(readlink "$extcap")"
check '... with its scripts' test "$(find "$TMPDIR/tree" -path '*/wireshark/plugins/smpp_*.lua' | wc -l)" = 2
if command -v tshark >/dev/null; then
	folder() { tshark -G folders 2>/dev/null | sed -n "s/^$1:[[:blank:]]*//p"; }
	check '... where it looks for programs' test "$TMPDIR/tree$(folder 'Extcap path')/smpp-trace" = "$extcap"
	check '... and for scripts' test -f "$TMPDIR/tree$(folder 'Global Lua Plugins')/smpp_pairs.lua"
fi
echo "1..$n"
exit $bad
