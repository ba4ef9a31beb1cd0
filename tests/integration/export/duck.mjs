// SPDX-License-Identifier: MIT
// DuckDB on the command line, for what it makes of our files:
//
//     node duck.mjs SQL|@FILE...      a line of JSON per row of each statement
import { readFileSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'

const db = await (await DuckDBInstance.create(':memory:')).connect()
const plain = (k, v) => typeof v === 'bigint' ? Number(v) : v
const statements = process.argv.slice(2).flatMap(a =>
  a.startsWith('@') ? readFileSync(a.slice(1), 'utf8').split(/;\s*$/m).filter(s => s.trim()) : [a])
for (const sql of statements) {
  const rows = (await db.runAndReadAll(sql)).getRowObjectsJS()
  for (const row of rows) console.log(JSON.stringify(row, plain))
}
