// SPDX-License-Identifier: MIT
// DuckDB on the command line, for what it makes of our files:
//
//     node duck.mjs SQL...      a line of JSON per row of each statement
import { DuckDBInstance } from '@duckdb/node-api'

const db = await (await DuckDBInstance.create(':memory:')).connect()
const plain = (k, v) => typeof v === 'bigint' ? Number(v) : v
for (const sql of process.argv.slice(2)) {
  const rows = (await db.runAndReadAll(sql)).getRowObjectsJS()
  for (const row of rows) console.log(JSON.stringify(row, plain))
}
