// SPDX-License-Identifier: MIT
// A GEXF file by graphology, as one JSON object:
//
//     node read_gexf.mjs FILE.gexf
import { readFileSync } from 'node:fs'
import graphology from 'graphology'
import gexf from 'graphology-gexf'

const graph = gexf.parse(graphology.DirectedGraph ?? graphology, readFileSync(process.argv[2], 'utf8'))
const nodes = graph.mapNodes((id, a) => ({ id, ...a }))
console.log(JSON.stringify({
  type: graph.type, order: graph.order, size: graph.size, nodes,
  edges: graph.mapEdges((e, a, s, t) => [s, t, a.weight ?? 1]),
}))
