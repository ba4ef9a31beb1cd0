// SPDX-License-Identifier: MIT
// crawl_bittorrent_dht_lookups.mjs HOST:PORT,... SECONDS - a crawl by bittorrent-dht as it comes: a DHT
// node, its own lookups of random info-hashes, several at once, its concurrency and timeouts. Whoever
// answers any of its queries is counted, in its routing table or not. Prints how many.
const { default: DHT } = await import(new URL('../../tests/node_modules/bittorrent-dht/index.js', import.meta.url))
const { randomBytes } = await import('crypto')
const LOOKUPS = 16
const end = Date.now() + 1000 * Number(process.argv[3])
const dht = new DHT({ bootstrap: process.argv[2].split(',') })
const answered = new Set()
function finish () { console.log(answered.size); process.exit(0) }
function next () {
  if (Date.now() > end) finish()
  dht.lookup(randomBytes(20), next)
}
dht._rpc.socket.on('response', (message, peer) => answered.add(peer.address + ':' + peer.port))
dht.on('warning', () => {})
dht.listen(0, '127.0.0.1', () => { for (let i = 0; i < LOOKUPS; i++) next() })
setTimeout(finish, 1000 * Number(process.argv[3]))
