import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { startClamd } from '../programs/clamd.ts'
import { compiled } from './compile.ts'
import { treeOf } from './daemon-memory.ts'
import { drive, type Passage, type Tally } from './drive.ts'
import { makeFile, makeLetter } from './letters.ts'
import { startOnescand } from './onescand.ts'
import { ourFields, queuedHeaders } from './queued.ts'
import { openWorkshop } from './workshop.ts'

/** What became of mail whose client and daemon were killed again and again. */
export interface Aftermath {
  readonly tally: Tally
  /** Messages by their kind and what their sender was told. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Messages in the queue that do not have just the fields of clean and scanned mail. */
  readonly unscanned: number
  /** Processes that were killed with signal 9. */
  readonly killed: { readonly daemons: number; readonly workers: number; readonly clients: number }
}

export interface Fire {
  readonly messages: number
  readonly atOnce: number
  /** Directory of onescanc, onescand and onescan-queue. */
  readonly programs: string
  /** Directory for files that they keep for a moment. */
  readonly spool: string
}

/** In turn: twenty messages, of which six are infected and one is large. */
const mail = Array.from({ length: 20 }, (_, index) => {
  if (index % 3 === 1 && index < 18) return { kind: 'infected', text: makeLetter('infected') }
  if (index === 19) return { kind: 'clean', text: makeFile(5 * 1024 * 1024, index) }
  return {
    kind: 'clean',
    text: index % 4 === 3 ? makeFile(100 * 1024, index >> 2) : makeLetter('clean'),
  }
})

/** Milliseconds that a daemon lives once it listens, at least; as much again at most. */
const DAEMON_LIVES = 150
/** Milliseconds between two clients that are killed. */
const CLIENT_EVERY = 120

/**
 * Sends messages through onescanc to a onescand with a real clamd, REJECTVIRUS on, and kills
 * with signal 9, all the while: the daemon with its workers, every third time a worker alone,
 * and clients at any point before they have become the next program. The driver compares what
 * senders were told with what is in the queue.
 */
export async function underFire({ messages, atOnce, programs, spool }: Fire): Promise<Aftermath> {
  const workshop = openWorkshop(spool)
  process.once('exit', workshop.remove)
  const clamd = await startClamd({ parent: spool })
  const environment = {
    ...workshop.environment(clamd),
    REJECTVIRUS: '1',
    QUEUECHAIN: compiled('sink'),
    ONESCAN_SOCKET: join(workshop.directory, 'fire.sock'),
    ONESCAN_COLD: join(programs, 'onescan-queue'),
  }
  const client = realpathSync(join(programs, 'onescanc'))
  const log = join(workshop.directory, 'log')
  const killed = { daemons: 0, workers: 0, clients: 0 }
  const battle = { on: true }

  async function killDaemons(): Promise<void> {
    for (let turn = 1; battle.on; turn++) {
      const program = join(programs, 'onescand')
      const onescand = await startOnescand(program, 'fire', workshop.directory, environment)
      await wait(DAEMON_LIVES * (1 + Math.random()))
      const [parent, ...workers] = treeOf(onescand.pid)
      if (turn % 3 === 0 && workers[0] !== undefined) {
        if (kill(workers[0], 'SIGKILL')) killed.workers++
        await wait(DAEMON_LIVES * (1 + Math.random()))
      }
      // One that it starts while they are listed would live on, and answer at its socket.
      kill(parent!, 'SIGSTOP')
      for (const pid of treeOf(parent!)) kill(pid, 'SIGKILL')
      killed.daemons++
      await onescand.stop()
    }
  }

  async function killClients(): Promise<void> {
    while (battle.on) {
      await wait(CLIENT_EVERY * (0.5 + Math.random()))
      const pid = clientsOf(client, workshop.queue).at(-1)
      if (pid !== undefined && (await killAs(client, pid))) killed.clients++
    }
  }

  try {
    const fire = Promise.all([killDaemons(), killClients()])
    const { passages, tally } = await drive({
      program: [client],
      messages: workshop.write(mail.map(({ text }) => text)),
      count: messages,
      atOnce,
      environment,
      log,
      queue: workshop.queue,
      keep: true,
    })
    battle.on = false
    await fire
    const clean = { xQhpsi: 'clean', stamps: 1 }
    const others = queuedHeaders(workshop.queue)
      .map(ourFields)
      .filter((found) => JSON.stringify(found) !== JSON.stringify(clean))
    const outcomes = count(passages.map(outcomeOf))
    return { tally, outcomes, unscanned: others.length, killed }
  } finally {
    battle.on = false
    await clamd.stop()
    workshop.remove()
  }
}

/** The driver's count finds every message whose sender was told something else than what is so. */
export function isSound({ tally, unscanned, outcomes }: Aftermath): boolean {
  const { lost, twice, damaged, uncalled, strange } = tally
  const letThrough = outcomes['infected: accepted'] ?? 0
  return lost + twice + damaged + uncalled + strange + unscanned + letThrough === 0
}

function outcomeOf({ serial, accepted, signal, code, text }: Passage): string {
  const { kind } = mail[serial % mail.length]!
  if (accepted) return `${kind}: accepted`
  if (signal !== 0) return `${kind}: client killed`
  return `${kind}: exit ${code}${text && `, ${text}`}`
}

function count(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words.toSorted()) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

/** Those of this run, by the queue in their environment. */
function clientsOf(program: string, queue: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isProgram(program, Number(name)))
    .filter((name) => readOr(`/proc/${name}/environ`).includes(`SINK_QUEUE=${queue}\0`))
    .map(Number)
}

/**
 * Kills it while it is this program still: stopped first, for it could become the next
 * program between the look and the signal, and queue a message that nobody is told of.
 */
async function killAs(program: string, pid: number): Promise<boolean> {
  if (!kill(pid, 'SIGSTOP')) return false
  while (/^\d+ \(.*\) [^TZX]/.test(readOr(`/proc/${pid}/stat`))) await wait(1)
  const isStill = isProgram(program, pid)
  return kill(pid, isStill ? 'SIGKILL' : 'SIGCONT') && isStill
}

function isProgram(program: string, pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === program
  } catch {
    return false
  }
}

function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false // it has ended
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
