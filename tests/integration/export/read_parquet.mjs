// SPDX-License-Identifier: MIT
// Parquet by hyparquet, in the shape of JSON lines, so that a plain comparison can follow:
//
//     node read_parquet.mjs FILE.parquet      schema to stderr, one row a line to stdout
//
// The modules are looked for in tests/node_modules.
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

const file = await asyncBufferFromFile(process.argv[2])
const metadata = await parquetMetadataAsync(file)
console.error(JSON.stringify({
  rows: Number(metadata.num_rows),
  groups: metadata.row_groups.map(g => Number(g.num_rows)),
  columns: metadata.schema.slice(1).map(c => [c.name, c.type, c.converted_type ?? '', c.repetition_type]),
}))
const rows = await parquetReadObjects({ file, metadata, compressors })
const plain = (k, v) => typeof v === 'bigint' ? Number(v) : v
const lines = rows.map(r => JSON.stringify(r, plain))
process.stdout.write(lines.join('\n') + (lines.length ? '\n' : ''))
