import t from 'tap'
import { exit } from '../../src/doors/shared/replies/exit-codes.ts'
import { columns, readPage, section } from './man-page.ts'

/** What onescan-queue(8) says of failures against src/doors/shared/replies/exit-codes.ts. */

const page = readPage('onescan-queue.8')

t.test('codes of the failure table are codes of the table, permanent or temporary', async (t) => {
  const faults = columns(section(page, 'WHEN THINGS FAIL'))
  const permanent = (code: number) => (code >= 11 && code <= 40) || code === 115
  let codes = 0
  for (const [fault, seen] of faults) {
    for (const [number] of seen.matchAll(/\d{2,3}/g)) {
      codes++
      const code = Number(number)
      t.ok((Object.values(exit) as number[]).includes(code), `${fault}: ${code}`)
      if (/^[45]xx/.test(seen)) t.equal(permanent(code), seen.startsWith('5xx'), fault)
    }
  }
  t.ok(codes >= 18, 'the table was found')
})
