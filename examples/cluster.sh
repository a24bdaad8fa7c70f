#!/bin/sh
# Three gateways that serve one game, on this machine: starts a NATS server and the gateways, and says what to
# look at. Ctrl-C ends all of them. It needs nats-server (Debian: apt-get install nats-server) and the program:
#
#     cargo build --release
#     examples/cluster.sh
#
# The first argument is the program, if it is elsewhere.
set -eu

program=${1:-target/release/sysconn}
folder=$(mktemp -d)
# The token of the operators is for this user alone.
umask 077
started=""

end() {
    trap - EXIT INT TERM
    # The gateways first, so that they say good-bye.
    for process in $started; do kill "$process" 2>/dev/null || true; done
    wait
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 0' INT TERM

PATH=$PATH:/usr/sbin
command -v nats-server > /dev/null || { echo "nats-server is missing" >&2; exit 1; }
[ -x "$program" ] || { echo "$program is missing: cargo build --release" >&2; exit 1; }

# Port -1 is any free one; the server writes which.
nats-server --addr 127.0.0.1 --port -1 --ports_file_dir "$folder" > "$folder/nats.log" 2>&1 &
nats=$!
until [ -s "$folder/nats-server_$nats.ports" ]; do
    kill -0 "$nats" 2>/dev/null || { cat "$folder/nats.log" >&2; exit 1; }
    sleep 0.1
done
url=$(grep -o 'nats://127.0.0.1:[0-9]*' "$folder/nats-server_$nats.ports" | head -n 1)
echo "NATS is at $url; each gateway takes 2 s, in which it looks whether its name is free"

echo operator-of-the-example > "$folder/token"
for node in a b c; do
    "$program" serve --listen 127.0.0.1:0 --cluster "$url" --node "$node" --data "$folder/$node" \
        --admin 127.0.0.1:0 --admin-token-file "$folder/token" \
        --dev --dev-listen 127.0.0.1:0 --log info \
        > "$folder/$node.out" 2> "$folder/$node.log" &
    process=$!
    started="$process $started"
    until [ -s "$folder/$node.out" ]; do
        kill -0 "$process" 2>/dev/null || { cat "$folder/$node.log" >&2; exit 1; }
        sleep 0.1
    done
    game=$(sed -n 's/^listening on //p' "$folder/$node.out")
    admin=$(sed -n 's/.*the admin server is at \(http[^ ]*\).*/\1/p' "$folder/$node.log")
    page=$(sed -n 's/.*the page of --dev is at \(http[^ ]*\).*/\1/p' "$folder/$node.log")
    echo "gateway $node: ws://$game, dashboard $admin, page for players $page"
    eval "game_$node=$game admin_$node=$admin page_$node=$page"
done
started="$started $nats"

cat << TEXT

Try, in other terminals:

1. A room spans all gateways. This one joins at gateway b, and prints what is said, as push 1210:
     $program call ws://$game_b room.join --json '{"room": "lobby"}' --account ann --role 7 --listen
   Now open $page_a, the page of gateway a, in a browser, log in as another role, join
   the room lobby, and say something.
2. A role has one connection, wherever it is. This closes the one of step 1 with 4007:
     $program call ws://$game_c room.join --json '{"room": "lobby"}' --account ann --role 7 --listen
3. Each gateway shows the connections of all:
     $program call ws://$game_c monitor.connections --json '{"all_nodes": true}' --account boss --role 9 --kind monitor
   and in a terminal, with the keys 4 and a:
     $program top $admin_c --token-file $folder/token
4. Kill a gateway (kill -9), or stop NATS (kill -STOP $nats; kill -CONT $nats), and look at the logs in
   $folder, and at
     curl --silent ${admin_a}metrics | grep sysconn_cluster
     curl --silent ${admin_a}readyz

Ctrl-C ends everything.
TEXT
wait
