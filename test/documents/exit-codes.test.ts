import t from 'tap'
import { exit, exitMeanings } from '../../src/doors/shared/replies/exit-codes.ts'
import { columns, items, readPage, section } from './man-page.ts'

/** onescan-queue(8) against src/doors/shared/replies/exit-codes.ts, word by word. */

const page = readPage('onescan-queue.8')
const table = items(section(page, 'EXIT STATUS').split('.El\n')[0]!)

t.test('the table of exit codes is that of the code, in its words', async (t) => {
  t.same(
    table,
    Object.values(exit).map((code) => [String(code), exitMeanings[code]]),
  )
})

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
