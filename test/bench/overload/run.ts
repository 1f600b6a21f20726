import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launcher, startOnescand } from '../../doors/daemon/process.ts'
import { call, everything, negotiate, says } from '../../doors/milter/mta.ts'
import { submit } from '../../doors/milter/submit.ts'
import { startClamd } from '../../programs/clamd.ts'
import { pssOfTree } from '../daemon-memory.ts'

/**
 * What the built onescand does with more than it can do at once, with a real clamd: 500 messages by
 * milter, and a small one beside large ones. `npm run bench:overload [-- PROGRAM]`; PROGRAM is
 * onescand's launcher.
 */

const AT_ONCE = 500
const LARGE = 14
const LARGE_SIZE = 50 * 1024 * 1024
const SMALL_SIZE = 4 * 1024

const teardowns: (() => unknown)[] = []
const t = { teardown: (stop: () => unknown) => void teardowns.push(stop) }
const say = (line: string) => process.stdout.write(`${line}\n`)

const directory = mkdtempSync(join(tmpdir(), 'onescan-overload-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const clamd = await startClamd({
  streamMaxLength: '100M',
  maxFileSize: '100M',
  maxScanSize: '100M',
})
t.teardown(clamd.stop)
const place = join(directory, 'm')
const [program = launcher] = process.argv.slice(2)
const onescand = startOnescand(t, {
  program: [program],
  args: ['--workers', '2', '--socket', 'none', '--milter', `unix:${place}`],
  settings: { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: '/nonexistent' },
})
try {
  await onescand.logged(/serving/)
  await new Promise((resolve) => setTimeout(resolve, 5000)) // warm-up
  await many()
  await besideLarge()
} finally {
  for (const stop of teardowns.reverse()) await stop()
}

/** One message; `text` begins its body. */
function message(size: number, text: string): Buffer {
  const line = `${randomBytes(40).toString('base64url')}\n`
  return Buffer.from(`Subject: ${text}\n\n${line.repeat(Math.ceil(size / line.length))}`)
}

async function send(mail: Buffer, began?: () => void): Promise<{ outcome: string; took: number }> {
  const line = await call(place)
  const agreed = await negotiate(line, everything)
  line.write(says.connect())
  const before = performance.now()
  began?.()
  const { outcome } = await submit(line, agreed, { message: mail })
  line.write(says.quit)
  await line.close()
  return { outcome, took: performance.now() - before }
}

async function many(): Promise<void> {
  const before = pssOfTree(onescand.pid)
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, pssOfTree(onescand.pid))
  }, 100)
  const mails = Array.from({ length: AT_ONCE }, (_, n) => {
    return message(n % 10 === 0 ? 100_000 : SMALL_SIZE, `many ${n}`)
  })
  const began = performance.now()
  const sent = await Promise.all(mails.map((mail) => send(mail)))
  clearInterval(timer)
  const deferred = sent.filter(({ outcome }) => outcome !== 'delivered').length
  const took = ((performance.now() - began) / 1000).toFixed(1)
  say(`${AT_ONCE} messages at once: ${deferred} deferred, in ${took} s`)
  say(`memory (PSS): ${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most`)
}

async function besideLarge(): Promise<void> {
  const alone = await send(message(SMALL_SIZE, 'alone'))
  const large = Array.from({ length: LARGE }, (_, n) => message(LARGE_SIZE, `large ${n}`))
  const began = performance.now()
  let left = LARGE
  const sent = large.map((mail) => send(mail).finally(() => left--))
  const times: number[] = []
  let worst = 'delivered'
  while (left > 0) {
    const { outcome, took } = await send(message(SMALL_SIZE, `small ${times.length}`))
    if (outcome !== 'delivered') worst = outcome
    times.push(took)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const outcomes = new Set((await Promise.all(sent)).map(({ outcome }) => outcome))
  const took = ((performance.now() - began) / 1000).toFixed(1)
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)]!.toFixed(0)
  say(`${LARGE} messages of 50 MB: ${[...outcomes]}, in ${took} s`)
  say(
    `4 KB beside them, ${times.length} times: ${worst}, median ${at(0.5)} ms, 95 % ${at(0.95)} ms, at most ${times.at(-1)!.toFixed(0)} ms; alone ${alone.took.toFixed(0)} ms`,
  )
}
