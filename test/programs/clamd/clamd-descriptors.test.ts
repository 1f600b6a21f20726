import { chmodSync, chownSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import t from 'tap'
import { loadSystem, type System } from '../../../src/base/runtime/system.ts'
import { ClamdScanner } from '../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import type { Sample } from '../../../src/scanner/scan/scanners/contract/scanner.ts'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { lacks } from '../../needs.mjs'
import { isWhole } from '../../run/is-whole.ts'
import { socketPath } from '../../scanner/scan/scanners/clamd/stand-in.ts'
import { clamdSettings, sample, scanTask } from '../../scanner/scan/scanners/clamd/task.ts'
import { listen } from '../host/listen.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../servers/clamd.ts'

const SMALL_DESCRIPTOR_MAX = 1024 * 1024

const skip = clamdMissing
const MIB = 1024 * 1024
const clean = { answer: 'clean' }
const found = { answer: 'infected', name: EICAR_NAME }

/**
 * Returns a message of about this many bytes that differs from all others, with the test virus at its
 * end if wanted.
 */
function mail(size: number, number: number, infected: boolean): Sample {
  const front = `From: a@example.org\nSubject: ${number}\n\n`
  const body = Buffer.alloc(Math.max(0, size - front.length), `${'0123456789abcdef'.repeat(4)}\n`)
  return sample(
    Buffer.concat([Buffer.from(front), body, Buffer.from(infected ? `\n${EICAR}\n` : '\n')]),
  )
}

/**
 * A daemon's scanner for this socket, which has messages wait for permits, and how many descriptors it has
 * handed over. (With 400 at once clamd's queue is full: it closes connections, and may be another one next.)
 */
async function handing(t: { teardown(end: () => void): void }, socket: string) {
  const passed = loadSystem()!
  let sent = 0
  const passing: System = {
    ...passed,
    passDescriptor(...args) {
      sent++
      return passed.passDescriptor(...args)
    },
  }
  const scanner = new ClamdScanner(clamdSettings(socket), { isLasting: true, passing })
  t.teardown(() => scanner.close())
  return {
    async scan(message: Sample, ...others: Sample[]) {
      const { task } = scanTask()
      const end = await scanner.permits!.acquire({
        ...task,
        size: message.bytes.size,
        network: '',
        hasBegun: false,
      })
      if (typeof end !== 'function') return end
      try {
        return await scanner.scanTogether([...others, message], task)
      } finally {
        end()
      }
    },
    sent: () => sent,
  }
}

t.test(
  'a real clamd reads messages by descriptor, and gives each its own verdict',
  { skip },
  async (t) => {
    const clamd = await startClamd(t, { user: process.getuid!() === 0 ? 'nobody' : '' })
    const { scan, sent } = await handing(t, clamd.socket)
    t.same(await scan(mail(140_000, 0, false)), clean)
    t.same(await scan(sample(Buffer.alloc(0))), clean, 'an empty one, by a stream')

    const sizes = [100, 140_000, 150_000, 300_000]
    const expected = Array.from({ length: isWhole ? 400 : 140 }, (_, n) => n % 7 === 3)
    const verdicts = expected.map((infected, n) => scan(mail(sizes[n % 4]!, n, infected)))
    for (const [n, infected] of expected.entries()) {
      const verdict = await verdicts[n]
      if (verdict!.answer !== (infected ? 'infected' : 'clean'))
        t.fail(`${n} is ${verdict!.answer}`)
    }
    t.ok(sent() >= 0.75 * expected.length, `${sent()} by descriptor`)

    for (let round = 0; round < (isWhole ? 50 : 18); round++) {
      const beside = Array.from({ length: 7 }, (_, n) =>
        mail(2_000, round * 100 + n, n === round % 9),
      )
      const last = mail(round % 2 ? 3_000 : 140_000, round, round % 9 === 7)
      const verdict = await scan(last, ...beside)
      if (verdict.answer !== (round % 9 < 8 ? 'infected' : 'clean')) t.fail(`round ${round}`)
    }
  },
)

t.test(
  'a large message goes by descriptor after clamd has found a virus in a larger one',
  { skip },
  async (t) => {
    const clamd = await startClamd(t)
    const { scan, sent } = await handing(t, clamd.socket)
    for (let n = 0; sent() < 6 && n < 1000; n++) {
      t.same(await scan(mail(SMALL_DESCRIPTOR_MAX + n, n, true)), found)
    }
    t.equal(sent(), 6, 'two probes')
    t.same(await scan(mail(5 * MIB, 1, false)), clean)
    t.same(await scan(mail(5 * MIB, 1, true)), found)
    t.equal(sent(), 8)
    t.same(await scan(mail(20 * MIB, 1, true)), found)
    t.equal(sent(), 8, 'a larger one by a stream')
  },
)

t.test(
  'a clamd that scans no large files gets streams, which it refuses with words',
  { skip },
  async (t) => {
    const clamd = await startClamd(t, {
      maxFileSize: '3M',
      maxScanSize: '3M',
      streamMaxLength: '3M',
    })
    const { scan } = await handing(t, clamd.socket)
    t.same(await scan(mail(1000, 0, true)), found)
    for (let n = 0; n < (isWhole ? 20 : 4); n++) {
      t.match(await scan(mail(4 * MIB, n, true)), { answer: 'unread', kind: 'size' })
      t.same(await scan(mail(2 * MIB, n, true)), found)
    }
  },
)

t.test(
  'a clamd that can no longer write its temporary files calls no message clean',
  { skip: skip || lacks('root') },
  async (t) => {
    const clamd = await startClamd(t, { user: 'nobody' })
    const { scan, sent } = await handing(t, clamd.socket)
    t.same(await scan(mail(140_000, 1, false)), clean)
    t.ok(sent() > 0, 'it takes descriptors')
    chownSync(clamd.directory, 0, 0)
    chmodSync(clamd.directory, 0o755)
    for (const size of [4_000, 140_000]) {
      for (const infected of [true, false]) {
        const { answer } = await scan(mail(size, 2, infected))
        t.equal(answer, 'unknown', `${size} bytes, ${infected ? 'infected' : 'clean'}`)
      }
    }
  },
)

t.test('a clamd at a forwarded socket gets streams', { skip }, async (t) => {
  const clamd = await startClamd(t)
  const path = socketPath(t)
  const forward = createServer((near) => {
    near.pipe(connect(clamd.socket).on('error', () => {})).pipe(near)
  })
  await listen(t, forward, path)
  const { scan } = await handing(t, path)
  for (let n = 0; n < 10; n++) {
    t.same(await scan(mail(4_000, n, true)), found)
    t.same(await scan(mail(4_000, n, false)), clean)
  }
})
