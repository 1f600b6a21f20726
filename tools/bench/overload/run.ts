import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { Semaphore } from '../../../src/base/flow/semaphore.ts'
import { beside, standalonePrograms } from '../../../test/c/onescanc/client.ts'
import { memoryFilesOfTree, pssOfTree } from '../../../test/programs/host/process-tree.ts'
import { withEnding } from '../../../test/programs/host/server.ts'
import { socketDirectory } from '../../../test/programs/host/socket-directory.ts'
import { startClamd } from '../../../test/programs/servers/clamd.ts'
import { childrenOf, launcher, startOnescand } from '../../../test/scanner/daemon/process.ts'
import { call, everything, negotiate, says } from '../../../test/scanner/doors/milter/mta.ts'
import { submit } from '../../../test/scanner/doors/milter/submit.ts'
import { runSlot } from '../../../test/scanner/doors/slot/slot.ts'
import { measureBursts } from './bursts.ts'

/**
 * What the built onescand does with more than it can do at once, with a real clamd: 500 messages by
 * milter, 1,000 in the slot while it is paused, and a small one beside large ones. `npm run
 * bench:overload [-- PROGRAM]`; PROGRAM is onescand's launcher. With `-- --large` only the last of these, and
 * with `-- --bursts` bursts of large messages (bursts.ts).
 */

const AT_ONCE = 500
const LARGE = 20
const IN_SLOT = 1000
const CLIENTS = 200
/** Milliseconds. */
const PAUSE = 1500
const LARGE_SIZE = 50 * 1024 * 1024
const SMALL_SIZE = 4 * 1024

const say = (line: string) => process.stdout.write(`${line}\n`)

// Who sends a large message is a process of its own: it has its own share of a processor then.
const [mode, where = ''] = process.argv.slice(2)
if (mode === '--send-large') {
  const { outcome } = await send(where, message(LARGE_SIZE, `large ${process.pid}`))
  process.send!(outcome)
  process.disconnect!()
} else if (mode === '--large') await measure(launcher, true)
else if (mode === '--bursts') await measureBursts(where || launcher)
else await measure(mode ?? launcher)

async function measure(program: string, largeAlone = false): Promise<void> {
  await withEnding(async (t) => {
    const directory = socketDirectory(t)
    const sizes = { streamMaxLength: '100M', maxFileSize: '100M', maxScanSize: '100M' }
    const clamd = await startClamd(t, sizes)
    const place = join(directory, 'm')
    const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: '/nonexistent' }
    const onescand = await startOnescand(t, {
      program: [program],
      args: ['--workers', '2', '--milter', `unix:${place}`],
      settings,
    })
    if (largeAlone) return besideLarge(place, onescand.pid)
    await many(place, onescand.pid)
    const client = { ...settings, ONESCAN_SOCKET: onescand.socket }
    await whilePaused(beside(standalonePrograms(t).queue), client, [
      onescand.pid,
      ...childrenOf(onescand.pid),
    ])
    await besideLarge(place, onescand.pid)
  })
}

/** One message; `text` begins its body. */
function message(size: number, text: string): Buffer {
  const line = `${randomBytes(40).toString('base64url')}\n`
  return Buffer.from(`Subject: ${text}\n\n${line.repeat(Math.ceil(size / line.length))}`)
}

async function send(place: string, mail: Buffer): Promise<{ outcome: string; took: number }> {
  const line = await call(place)
  const agreed = await negotiate(line, everything)
  line.write(says.connect())
  const before = performance.now()
  const { outcome } = await submit(line, agreed, { message: mail })
  line.write(says.quit)
  await line.close()
  return { outcome, took: performance.now() - before }
}

async function many(place: string, pid: number): Promise<void> {
  const memory = watchMemory(pid)
  const mails = Array.from({ length: AT_ONCE }, (_, n) => {
    return message(n % 10 === 0 ? 100_000 : SMALL_SIZE, `many ${n}`)
  })
  const began = performance.now()
  const sent = await Promise.all(mails.map((mail) => send(place, mail)))
  const used = memory.end()
  const deferred = sent.filter(({ outcome }) => outcome !== 'delivered').length
  const took = ((performance.now() - began) / 1000).toFixed(1)
  say(`${AT_ONCE} messages at once: ${deferred} deferred, in ${took} s`)
  say(used)
}

/** Memory of all processes of onescand, with their memory files, until `end`, which tells it in a line. */
function watchMemory(pid: number): { end(): string } {
  const now = () => pssOfTree(pid) + memoryFilesOfTree(pid)
  const before = now()
  let most = before
  let files = 0
  const timer = setInterval(() => {
    most = Math.max(most, now())
    files = Math.max(files, memoryFilesOfTree(pid))
  }, 100)
  return {
    end() {
      clearInterval(timer)
      const at = `${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most`
      return `memory (PSS and memory files): ${at}; memory files alone ${files.toFixed(0)} MB at most`
    },
  }
}

async function whilePaused(
  onescanc: string,
  settings: Readonly<Record<string, string>>,
  processes: readonly number[],
): Promise<void> {
  const began = performance.now()
  const permits = new Semaphore(CLIENTS)
  const runs = Array.from({ length: IN_SLOT }, (_, n) =>
    permits.run(() =>
      runSlot({ program: [onescanc], message: message(SMALL_SIZE, `slot ${n}`), settings }),
    ),
  )
  for (const pid of processes) process.kill(pid, 'SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, PAUSE))
  for (const pid of processes) process.kill(pid, 'SIGCONT')
  const ended = await Promise.all(runs)
  const standalone = ended.filter(({ logged }) => logged.includes('decision=standalone')).length
  const failed = ended.filter(
    ({ code, deliveries }) => code !== 0 || deliveries.length !== 1,
  ).length
  const took = ((performance.now() - began) / 1000).toFixed(1)
  say(
    `${IN_SLOT} in the slot, ${CLIENTS} at once, onescand paused for ${PAUSE} ms: ${standalone} standalone, ${failed} not delivered, in ${took} s`,
  )
}

async function besideLarge(place: string, pid: number): Promise<void> {
  const alone = await send(place, message(SMALL_SIZE, 'alone'))
  const memory = watchMemory(pid)
  const began = performance.now()
  let left = LARGE
  const sent = Array.from({ length: LARGE }, async () => {
    const child = fork(import.meta.filename, ['--send-large', place])
    const [outcome] = await once(child, 'message')
    left--
    return outcome as string
  })
  const times: number[] = []
  let worst = 'delivered'
  while (left > 0) {
    const { outcome, took } = await send(place, message(SMALL_SIZE, `small ${times.length}`))
    if (outcome !== 'delivered') worst = outcome
    times.push(took)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const outcomes = new Set(await Promise.all(sent))
  const took = ((performance.now() - began) / 1000).toFixed(1)
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)]!.toFixed(0)
  say(`${LARGE} messages of 50 MB: ${[...outcomes]}, in ${took} s`)
  say(memory.end())
  say(
    `4 KB beside them, ${times.length} times: ${worst}, median ${at(0.5)} ms, 95 % ${at(0.95)} ms, ` +
      `at most ${times.at(-1)!.toFixed(0)} ms; alone ${alone.took.toFixed(0)} ms`,
  )
}
