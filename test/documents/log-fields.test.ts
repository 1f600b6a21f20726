import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { items, readPage, section } from './man-page.ts'

/** The fields of a log line, in onescan-log(5): scripts count on their names. */

const root = join(import.meta.dirname, '../..')
const writers = [
  'src/scanner/log/message-lines.ts',
  'src/scanner/doors/milter/milter-message.ts',
  'src/scanner/doors/milter/milter-session.ts',
  'src/scanner/log/recipient-lines.ts',
]
/** Those of lines that name the recipients of quarantined mail, which the text describes. */
const inText = ['quarantined', 'rcpt']

t.test('onescan-log(5) explains exactly the fields of log lines about mail', async (t) => {
  const written = new Set(
    writers.flatMap((file) => {
      const source = readFileSync(join(root, file), 'utf8')
      return [...source.matchAll(/\['([a-z_]+)', [^[\]']*[^'\]]/g)].map(([, name]) => name!)
    }),
  )
  for (const name of ['grounds', 'peer_uid', 'queue', 'used']) t.ok(written.has(name), name)
  const log = section(readPage('onescan-log.5'), 'FIELDS')
  const explained = items(log).flatMap(([tag]) => tag.replace(/^Va /, '').split(' , '))
  const stages = ['quota_ms', 'verify_ms', 'scan_ms', 'sign_ms']
  t.same(
    [...written, ...stages].filter((name) => !explained.includes(name) && !inText.includes(name)),
    [],
  )
})
