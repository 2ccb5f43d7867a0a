#!/bin/sh
# Starts the client of a node: makes its chain from the genesis file once, and waits for the privacy manager.
#
# usage: sh start.sh ARGUMENT...        (of geth)
#
#   QUORUM_DATA_DIR  the folder of the chain; GENESIS_HASH  the hash of its block 0
#   PRIVATE_CONFIG   the socket of the privacy manager, or `ignore`
#   CHAIN_JOIN       `pending` for a node to which the members have given no number yet
#   CHAIN_MEMBER     the number that they gave to a node that joined them
#
# The marker is written after `geth init` has succeeded, and never before: an init that was cut off is begun again,
# one that fails is an error, and a folder of another chain is refused. Plain POSIX sh, nothing from the internet.
set -u
LC_ALL=C
export LC_ALL

say() {
	printf 'start.sh: %s\n' "$*" >&2
}

fail() {
	say "$*"
	exit 1
}

genesis=${CHAIN_GENESIS:-/etc/quorum/genesis/genesis.json}
nodes=${CHAIN_NODES:-/etc/quorum/nodes/permissioned-nodes.json}
founders=${CHAIN_FOUNDERS:-/etc/quorum/founders/static-nodes.json}
dir=${QUORUM_DATA_DIR:?}
marker=$dir/chain-genesis

[ "${CHAIN_JOIN:-}" != pending ] ||
	fail "the members have given this node no number yet: run kubectl chain apply again"
[ -s "$genesis" ] || fail "$genesis is missing or empty"

made=
if [ -f "$marker" ]; then
	made=$(cat "$marker") || fail "cannot read $marker"
fi
if [ -z "$made" ]; then
	# Making the chain asks nothing of the privacy manager, but geth would look for its socket, which is not there yet.
	PRIVATE_CONFIG=ignore geth --datadir "$dir" init "$genesis" ||
		fail "geth init refuses the genesis file, see above"
	{ printf '%s\n' "$GENESIS_HASH" >"$marker.new" && sync && mv -f "$marker.new" "$marker" && sync; } ||
		fail "cannot write $marker"
elif [ "$made" != "$GENESIS_HASH" ]; then
	fail "$dir holds the chain $made, this node is of $GENESIS_HASH"
fi

# What a node knows of Raft is of one membership: with another number it begins anew, on the blocks that it has.
if [ -n "${CHAIN_MEMBER:-}" ]; then
	was=
	if [ -f "$dir/chain-member" ]; then
		was=$(cat "$dir/chain-member") || fail "cannot read $dir/chain-member"
	fi
	if [ "$was" != "$CHAIN_MEMBER" ]; then
		for one in raft-wal raft-snap quorum-raft-state; do
			[ ! -e "$dir/$one" ] || mv "$dir/$one" "$dir/$one.before-$CHAIN_MEMBER" || fail "cannot move $dir/$one"
		done
		{ printf '%s\n' "$CHAIN_MEMBER" >"$dir/chain-member.new" && sync && mv -f "$dir/chain-member.new" "$dir/chain-member"; } ||
			fail "cannot write $dir/chain-member"
	fi
fi

# The lists are reread where they lie; geth looks for them in its own folder.
mkdir -p "$dir/geth" || fail "cannot write to $dir"
if [ -f "$founders" ]; then
	first=$founders
else
	first=$nodes
fi
{ ln -sf "$nodes" "$dir/permissioned-nodes.json" && ln -sf "$first" "$dir/geth/static-nodes.json"; } ||
	fail "cannot write to $dir"

if [ "${PRIVATE_CONFIG:-ignore}" != ignore ]; then
	rounds=0
	while [ ! -S "$PRIVATE_CONFIG" ]; do
		[ $((rounds % 30)) -ne 0 ] || say "waiting for the privacy manager at $PRIVATE_CONFIG"
		rounds=$((rounds + 1))
		sleep 1
	done
fi

exec geth "$@"
