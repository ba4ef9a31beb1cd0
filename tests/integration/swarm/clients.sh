# SPDX-License-Identifier: MIT
# DHT clients that are one program a node, each a line of "IP PORT BOOT..." with BOOT as ip:port.
# Whoever reads this has $work, a folder, and run NAME COMMAND..., which starts one in the background.

start_transmission() { # IP PORT BOOT...
	local ip=$1 port=$2 dir=$work/transmission-$1
	shift 2
	mkdir -p "$dir"
	printf '%s\n' "${@//:/ }" >"$dir/dht.bootstrap"
	cat >"$dir/settings.json" <<-JSON
		{ "bind-address-ipv4": "$ip", "peer-port": $port, "dht-enabled": true,
		  "lpd-enabled": false, "pex-enabled": false, "utp-enabled": false,
		  "port-forwarding-enabled": false, "rpc-enabled": false,
		  "download-dir": "$dir" }
	JSON
	run "transmission-$ip" transmission-daemon -f -g "$dir" --dht
}

start_aria2() { # IP PORT BOOT...
	run "aria2-$1" aria2c --no-conf --enable-dht=true --enable-dht6=false \
		--dht-listen-port="$2" --listen-port=$(($2 + 1)) --dht-entry-point="$3" \
		--interface="$1" --dht-file-path="$work/aria2-$1.dat" --bt-enable-lpd=false \
		--dir="$work" --quiet \
		"magnet:?xt=urn:btih:$(printf '%s' "$1" | sha1sum | cut -c1-40)"
}

start_rtorrent() { # IP PORT BOOT...
	local dir=$work/rtorrent-$1 rc=$work/rtorrent-$1.rc
	mkdir -p "$dir"
	cat >"$rc" <<-RC
		session.path.set = $dir
		directory.default.set = $dir
		network.bind_address.set = $1
		network.port_range.set = $2-$2
		network.port_random.set = no
		dht.port.set = $2
		dht.mode.set = on
		system.daemon.set = true
		schedule2 = boot0,1,60,"dht.add_node=$3"
		schedule2 = boot1,2,60,"dht.add_node=${4:-$3}"
	RC
	run "rtorrent-$1" rtorrent -n -o import="$rc"
}
