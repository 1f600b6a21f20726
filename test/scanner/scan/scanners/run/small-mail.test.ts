import t from 'tap'
import { Bytes } from '../../../../../src/mail/message/bytes.ts'
import type { Scanner } from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { runScanners } from '../../../../../src/scanner/scan/scanners/run/run-scanners.ts'
import { BlockCounter } from '../../../../run/block-counter.ts'
import { sample } from '../clamd/task.ts'
import { planOf } from './scanning.ts'

/** The largest number of steps for a message of at most 4 KB. */
const STEPS_MAX = 10_000_000

/** A scanner that takes all contents, and needs no time. */
const scanner: Scanner = {
  name: 'any',
  hasBans: false,
  scan: async () => ({ answer: 'clean' }),
  scanTogether: async () => ({ answer: 'clean' }),
}

const settings = { SECONDLOOK: 'always' } as const

const armour = '-----BEGIN PGP MESSAGE-----\n \n x\n ATTACH;ENCODING=BASE64:YWJj\n '

/** A message with many quirks. */
const oddMail = (number: number) =>
  [
    `\n\nA: ${number}\r\n`,
    'Content-Type: multipart/mixed; boundary="b"; boundary=c\nno field\n \n--b\n\r\n',
    'Content-Type: message\n\nA: b\n\nx\r--b\n.--b\n--b \nC: d\n--c more\n\ny\n--b--\ne\n--b\n\nz\n',
  ].join('')
const encoded = (mail: string) =>
  `--o\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n${Buffer.from(mail, 'latin1').toString('base64')}\n`

/** Small messages that a search has found costly. */
const costly: Readonly<Record<string, string>> = {
  'encoded mails, each of which is read in many ways': `From: a@b\nContent-Type: multipart/mixed; boundary=o\n\n${Array.from({ length: 10 }, (_, number) => encoded(oddMail(number))).join('')}--o--\n`,
  'a header that ends for some readers at each of sixteen lines, below encodings': `From: a@b\nContent-Type: text/plain; x=y${armour.repeat(16)}\n\nhi\n`,
}

t.test('a small message takes few steps, whatever its content is', async (t) => {
  const counter = new BlockCounter()
  for (const [name, mail] of Object.entries(costly)) {
    const message = { ...sample(Buffer.alloc(0)), bytes: Bytes.of(Buffer.from(mail, 'latin1')) }
    counter.take()
    await runScanners(message, planOf([scanner], { settings }))
    const steps = counter.take()
    t.ok(steps < STEPS_MAX, `${name}: ${steps} steps`)
  }
})

t.test('scanners get no content of a message that exceeds a limit, but the whole', async (t) => {
  const parts = Array.from({ length: 150 }, (_, n) => `--b\nContent-Type: text/x-${n}\n\n${n}\n`)
  const mail = `From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n${parts.join('')}--b--\n`
  const asked: string[] = []
  const noting: Scanner = {
    ...scanner,
    async scan({ kind }) {
      asked.push(kind)
      return { answer: 'clean' }
    },
    async scanTogether(samples) {
      asked.push(...samples.map(({ kind }) => kind))
      return { answer: 'clean' }
    },
  }
  const message = { ...sample(Buffer.alloc(0)), bytes: Bytes.of(Buffer.from(mail)) }
  const keepsOut = new Set(['contents'] as const)
  const run = planOf([noting], { settings, tolerance: { keepsOut } })
  t.match(await runScanners(message, run), { answer: 'unread', kind: 'contents' })
  t.same(asked, ['message'])
  const tolerant = planOf([noting], { settings, tolerance: { keepsOut: new Set() } })
  t.match(await runScanners(message, tolerant), { answer: 'unread' })
  t.ok(asked.length > 100, 'if such mail is accepted, they are scanned as far as they were read')
})
