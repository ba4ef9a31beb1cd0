// SPDX-License-Identifier: MIT
// bittorrent-dht nodes (webtorrent's DHT) in one process: js_nodes.mjs SPEC.json
// SPEC as for lt_nodes.py. The module is looked for in tests/node_modules.
import { readFileSync } from 'node:fs'
import { Client } from 'bittorrent-dht'

for (const node of JSON.parse(readFileSync(process.argv[2]))) {
  const dht = new Client({ bootstrap: false, host: node.ip })
  dht.on('error', (e) => console.error(`${node.ip}: ${e.message}`))
  dht.on('warning', () => {})
  dht.listen(node.port, node.ip, () => {
    for (const [host, port] of node.boot) dht.addNode({ host, port })
  })
}
