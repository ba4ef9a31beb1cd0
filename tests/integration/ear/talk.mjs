// SPDX-License-Identifier: MIT
// talk.mjs EAR:PORT IP_A IP_B: a bittorrent-dht node announces a torrent knowing
// nobody but EAR, another one looks it up knowing nobody but EAR. Exit 0 where it
// finds the first.
import { randomBytes } from 'node:crypto'
import { Client } from 'bittorrent-dht'

const [ear, a, b] = process.argv.slice(2)
const [host, port] = ear.split(':')
const hash = randomBytes(20)
const node = (ip) => new Promise((resolve) => {
  const dht = new Client({ bootstrap: false, host: ip })
  dht.on('error', (e) => console.error(`${ip}: ${e.message}`))
  dht.on('warning', () => {})
  dht.listen(6881, ip, () => {
    dht.addNode({ host, port: Number(port) })
    setTimeout(() => resolve(dht), 500)
  })
})
const fail = setTimeout(() => { console.log('not found'); process.exit(1) }, 12000)
const first = await node(a)
const second = await node(b)
first.announce(hash, 4711, (e) => {
  if (e) { console.log(`announce: ${e.message}`); process.exit(1) }
  second.on('peer', (peer) => {
    if (peer.host !== a || peer.port !== 4711) return
    console.log(`${hash.toString('hex')} found at ${peer.host}:${peer.port}`)
    clearTimeout(fail)
    process.exit(0)
  })
  second.lookup(hash)
})
