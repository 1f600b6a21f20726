import t from 'tap'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { runScanners } from '../../../src/scan/scanners/scan.ts'
import type { Scanner } from '../../../src/scan/scanners/shared/scanner.ts'
import { BlockCounter } from '../../run/block-counter.ts'
import { sample } from './clamd/task.ts'
import { runOf } from './scanning.ts'

/** The largest number of steps for a mail of at most 4 KB. */
const STEPS_MAX = 10_000_000

/** A scanner that takes all contents, and needs no time. */
const scanner: Scanner = {
  name: 'any',
  local: false,
  takesBatch: true,
  scan: async () => ({ answer: 'clean' }),
}

const settings = { SECONDLOOK: 'always' } as const

const armour = '-----BEGIN PGP MESSAGE-----\n \n x\n ATTACH;ENCODING=BASE64:YWJj\n '

/** Small mails that a search has found costly. */
const costly: Readonly<Record<string, string>> = {
  'a header that ends for some readers at each of sixteen lines, below encodings': `From: a@b\nContent-Type: text/plain; x=y${armour.repeat(16)}\n\nhi\n`,
}

t.test('a small mail takes few steps, whatever stands in it', async (t) => {
  const counter = new BlockCounter()
  for (const [name, mail] of Object.entries(costly)) {
    const message = { ...sample(Buffer.alloc(0)), bytes: Bytes.of(Buffer.from(mail, 'latin1')) }
    counter.take()
    await runScanners(message, runOf([scanner], { settings }))
    const steps = counter.take()
    t.ok(steps < STEPS_MAX, `${name}: ${steps} steps`)
  }
})
