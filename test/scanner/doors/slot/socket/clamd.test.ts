import { chmodSync, closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EICAR } from '../../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { plain } from '../../../../cases/messages.ts'
import { lacks } from '../../../../needs.mjs'
import {
  type Clamd,
  clamdMissing,
  EICAR_NAME,
  startClamd,
} from '../../../../programs/servers/clamd.ts'
import { until } from '../../../../run/until.ts'
import { type OpenSlot, openSlot } from './rig.ts'

/** Real clamds behind the daemon that end, start and fall silent while mail is judged. */

const virus = Buffer.from(`Subject: x\n\n${EICAR}\n`)

/** Sends each of these messages, several at a time, and counts their outcomes. */
async function judgeMany(slot: OpenSlot, count: number, timeLeft = 20_000): Promise<string[]> {
  const results: string[] = []
  let left = count
  const askOnce = async () => {
    while (left-- > 0) {
      const infected = left % 2 === 1
      const message = infected ? virus : plain
      const variables = { QHPSI: 'plugin: clamd', REJECTVIRUS: '1' }
      const got = await slot.ask({ variables, message, timeLeft })
      results.push(`${infected ? 'virus' : 'plain'} ${got.does} ${got.code ?? got.reason}`.trim())
    }
  }
  await Promise.all(Array.from({ length: 8 }, askOnce))
  return results
}

const counted = (results: readonly string[]) =>
  Object.fromEntries(
    [...new Set(results)]
      .sort()
      .map((result) => [result, results.filter((r) => r === result).length]),
  )

async function open(t: Test, ...clamds: readonly Clamd[]): Promise<OpenSlot> {
  return openSlot(t, {
    QHPSI: 'plugin: clamd',
    CLAMD: clamds.map(({ socket }) => socket).join(' '),
    SCANTIMEOUT: '20',
    VERDICTS: 'off', // what is known of copies needs no clamd
  })
}

t.test('a clamd that ends under load', { skip: clamdMissing }, async (t) => {
  const first = await startClamd(t)
  const slot = await open(t, first, await startClamd(t))
  const judged = judgeMany(slot, 200)
  setTimeout(() => process.kill(first.pid, 'SIGKILL'), 50)
  t.same(counted(await judged), { 'plain hand on': 100, 'virus end 31': 100 })
  t.same(slot.log, [`clamd ${first.socket}: does not answer; the other servers are used`])
})

t.test(
  'a silent clamd delays only the mail that it was asked about',
  { skip: clamdMissing },
  async (t) => {
    const first = await startClamd(t)
    const slot = await open(t, first, await startClamd(t))
    process.kill(first.pid, 'SIGSTOP')
    const results = counted(await judgeMany(slot, 200, 5000))
    const deferred = (results['plain end 71'] ?? 0) + (results['virus end 71'] ?? 0)
    t.ok(deferred >= 1 && deferred <= 8, `${deferred} were deferred`)
    t.equal(results['plain hand on'], 100 - (results['plain end 71'] ?? 0))
    t.equal(results['virus end 31'], 100 - (results['virus end 71'] ?? 0))
    process.kill(first.pid, 'SIGCONT')
  },
)

t.test(
  'without any clamd mail is deferred until one is back',
  { skip: clamdMissing },
  async (t) => {
    const clamd = await startClamd(t)
    const slot = await open(t, clamd)
    t.same(counted(await judgeMany(slot, 20)), { 'plain hand on': 10, 'virus end 31': 10 })
    process.kill(clamd.pid, 'SIGSTOP')
    t.same(counted(await judgeMany(slot, 8, 500)), { 'plain end 71': 4, 'virus end 71': 4 })
    process.kill(clamd.pid, 'SIGCONT')
    t.same(counted(await judgeMany(slot, 20)), { 'plain hand on': 10, 'virus end 31': 10 })
    await clamd.stop()
    t.same(counted(await judgeMany(slot, 20)), { 'plain end 71': 10, 'virus end 71': 10 })
  },
)

const otherUser = clamdMissing || lacks('root')

t.test(
  'a clamd that runs as another user scans the files that it is handed',
  { skip: otherUser },
  async (t) => {
    // Of a stream it takes next to nothing: what it finds came as an open file.
    const clamd = await startClamd(t, { user: 'nobody', streamMaxLength: '1K' })
    const slot = await open(t, clamd)
    const variables = { QHPSI: 'plugin: clamd', REJECTVIRUS: '1' }
    const filling = `${'0123456789abcdef'.repeat(4)}\n`.repeat(20_000)
    for (const [size, message] of [
      ['4 KB', Buffer.from(`Subject: x\n\n${filling.slice(0, 4000)}${EICAR}\n`)],
      ['over 1 MB', Buffer.from(`Subject: x\n\n${filling}${EICAR}\n`)],
    ] as const) {
      const directory = t.testdir({ message })
      chmodSync(directory, 0o700)
      const path = join(directory, 'message')
      chmodSync(path, 0o600)
      const file = openSync(path, 'r')
      const verdict = async (handed?: number) => {
        const way = handed === undefined ? {} : { handed, offset: 0 }
        const { does, code, log } = await slot.ask({
          variables,
          message,
          size: message.length,
          ...way,
        })
        return `${does} ${code} ${/virus=\S+/.exec(log)?.[0]}`
      }
      const found = `end 31 virus=${EICAR_NAME}`
      if (size === '4 KB') t.equal(await verdict(), found, `${size}, sent`)
      await until(
        () => verdict(file),
        `a verdict of ${found}`,
        (now) => now === found,
      )
      t.equal(await verdict(file), found, `${size}, from a file that it may not open`)
      closeSync(file)
    }
  },
)
