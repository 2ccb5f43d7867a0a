#!/bin/sh
# Starts Constellation, which knows peers by IP address only: names of Services are looked up here, at every start.
#
# usage: sh constellation.sh ARGUMENT...   in which `@NAME@` stands for the address of NAME
#
# The file of peers has one URL a line, with `@NAME@` in it; a name that does not resolve is left out, for one peer
# that is reached is enough. Plain POSIX sh.
set -u

peers=${CHAIN_PEERS:-/etc/quorum/peers/constellation-peers}
socket=${CHAIN_SOCKET:-/run/quorum/tm.ipc}

say() {
	printf 'constellation.sh: %s\n' "$*" >&2
}

address() {
	if command -v getent >/dev/null 2>&1; then
		getent hosts "$1" | while read -r found rest; do
			printf '%s\n' "$found"
			break
		done
	else
		nslookup "$1" 2>/dev/null | sed -n 's/^Address[^:]*: *\([0-9.]*\)[^0-9.]*.*$/\1/p' | tail -n 1
	fi
}

# Replaces `@NAME@` in a text; fails when it has no address.
resolved() {
	case $1 in
	*@*@*) ;;
	*)
		printf '%s\n' "$1"
		return
		;;
	esac
	name=${1#*@}
	name=${name%%@*}
	found=$(address "$name")
	[ -n "$found" ] || return 1
	printf '%s%s%s\n' "${1%%@*}" "$found" "${1##*@}"
}

rm -f "$socket"
others=
while read -r url; do
	if one=$(resolved "$url"); then
		others=$others${others:+,}$one
	else
		say "$url does not resolve yet"
	fi
done <"$peers"
count=$#
while [ "$count" -gt 0 ]; do
	one=$(resolved "$1") || {
		say "$1 does not resolve"
		exit 1
	}
	set -- "$@" "$one"
	shift
	count=$((count - 1))
done
exec constellation-node "$@" "--othernodes=$others"
