#!/usr/bin/env bash
# builds: plain
# What the shipped binaries are hardened with, read from the binaries themselves.
set -u
cd "$ESMED_BUILD" || exit 1
n=0 bad=0
check() { # NAME COMMAND...
	local name=$1
	shift
	n=$((n + 1))
	if "$@"; then echo "ok $n - $name"; else bad=1; echo "not ok $n - $name"; fi
}
has() { grep -qE -- "$2" <<<"$1"; }
pads() { objdump -d --no-show-raw-insn "$1" | grep -c endbr64; }
lacks() { ! has "$@"; }
for program in esmed esmectl smpp-trace smsc-sim esme-load; do
	[ -x "$program" ] || continue
	elf=$(readelf -Whld "$program")
	symbols=$(readelf -Ws "$program")
	check "$program is position independent" has "$elf" 'Type: +DYN'
	check "$program binds everything at start" has "$elf" 'FLAGS_1.*NOW'
	check "$program has its relocations read-only" has "$elf" 'GNU_RELRO'
	check "$program has a stack that is not executable" has "$elf" 'GNU_STACK.* RW +0x'
	check "$program has no segment both writable and executable" lacks "$elf" 'LOAD.* RWE '
	check "$program has no run path" lacks "$elf" 'R(UN)?PATH'
	check "$program guards its stack" has "$symbols" '__stack_chk_fail'
	check "$program uses the checked string functions" has "$symbols" '__[a-z]+_chk'
	check "$program has landing pads for indirect calls" has "$(pads "$program")" '^[0-9]{2,}$'
done
[ $n -gt 0 ] || { echo '1..0 # SKIP no program is built'; exit 0; }
echo "1..$n"
exit $bad
