// SPDX-License-Identifier: MIT
// crawl_bittorrent_dht.mjs HOST:PORT SECONDS - a crawl on bittorrent-dht's own socket and codec
// (k-rpc): find_node to every node heard of, as many in flight as its socket allows. Prints how many answered.
import { createRequire } from 'module'
import { randomBytes } from 'crypto'
const require = createRequire(new URL('../../tests/', import.meta.url))
const krpc = require('k-rpc-socket')
const [host, port] = process.argv[2].split(':')
const end = Date.now() + 1000 * Number(process.argv[3])
const rpc = krpc({ timeout: 1000 })
const id = randomBytes(20)
const known = new Set(), answered = new Set(), queue = []
let flight = 0
function learn (host, port) {
  const key = host + ':' + port
  if (!known.has(key)) { known.add(key); queue.push({ host, port }) }
}
learn(host, Number(port))
function turn () {
  if (Date.now() > end) { console.log(answered.size); process.exit(0) }
  if (!queue.length && !flight) { // everybody again, for other neighbours
    for (const key of known) queue.push({ host: key.split(':')[0], port: Number(key.split(':')[1]) })
  }
  for (let i = 0; i < 64 && queue.length && flight < 1000; i++) {
    const peer = queue.pop()
    flight++
    rpc.query(peer, { q: 'find_node', a: { id, target: randomBytes(20) } }, (err, res) => {
      flight--
      if (err || !res || !res.r) return
      answered.add(peer.host + ':' + peer.port)
      const nodes = res.r.nodes || Buffer.alloc(0)
      for (let k = 0; k + 26 <= nodes.length; k += 26) {
        learn(nodes.subarray(k + 20, k + 24).join('.'), nodes.readUInt16BE(k + 24))
      }
    })
  }
  setImmediate(turn)
}
rpc.bind(0, '127.0.0.1', turn)
