import { closeSync } from 'node:fs'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { Cause } from '../shared/cause.ts'
import type { ScanPolicy } from '../shared/scan-policy.ts'
import {
  clean,
  harmed,
  infected,
  isLate,
  over,
  type Sample,
  type Scanner,
  type ScanTask,
  unknown,
  type Verdict,
} from '../shared/scanner.ts'
import { type ClamdAddress, isLocal, readClamdAddress } from './address.ts'
import { askClamd, scanDescriptors, scanPath, scanStream, scanStreams } from './ask.ts'
import { COMES_BACK_AFTER_DEATH, COMES_BACK_WITHIN, lengthOfPause, pause } from './back-off.ts'
import type { Absence, ClamdOutcome } from './clamd-connection.ts'
import type { ClamdReply } from './clamd-reply.ts'
import { converse } from './converse.ts'
import { hasLoaded } from './has-loaded.ts'
import { createHealth, type Health } from './health.ts'
import { memoryFileOf, NoMemoryFile } from './memory-file.ts'
import { CONVERSATIONS_MAX, createServerQueue, type ServerQueue } from './server-queue.ts'
import { openSessions, type Sessions } from './sessions.ts'
import { createVersions, type Versions } from './versions.ts'

/**
 * Bytes from which on a local clamd is given the path of a message that is no file yet,
 * where it may hope to read it. Below, making that file costs more than sending the bytes.
 */
export const BY_PATH_FROM = 512 * 1024

/** What the log says of a server that failed. */
const PASSED_OVER = 'fails, and is passed over while others answer'

/**
 * Most servers that one message is given to. What broke two of them may break the next one, too.
 */
const BROKEN_MAX = 2

/**
 * Plugin `clamd`: asks one of the servers of CLAMD after another until one answers, first the
 * one with the fewest messages under way for its weight, a local one before a remote one.
 * Whatever a server says is the answer; the next one is asked only where there was
 * no connection or it broke. Never asked again: one that was too slow, because clamd
 * goes on scanning after its client has left. One that failed is asked last for a while.
 * With more than CONVERSATIONS_MAX messages at a server, or LARGE_CONVERSATIONS_MAX large ones, the next one is asked, or
 * they wait.
 * Where nobody could be reached but may be in a moment, all of that is done again.
 *
 * More than CLAMDMAXSIZE is not sent: clamd answers OK to what is over its own
 * limits, unscanned. `lasting` is for who scans message after message until `close()`: its
 * connections last, and with `passing` what is scanned is handed over in memory files where a server
 * takes them. `tell` takes a line where one of several servers fails, and where it answers
 * again. Throws a Fault of kind `config` for an address that is none.
 */
export function clamdScanner(
  { clam }: ScanPolicy,
  {
    lasting = false,
    passing,
    tell = () => {},
  }: {
    readonly lasting?: boolean
    readonly passing?: PassedDescriptors | undefined
    readonly tell?: (line: string) => void
  } = {},
): ClosableScanner {
  const list = clam.addresses.map(readClamdAddress).map((address): ClamdServer => {
    if (lasting) return { address, passing, ...openSessions(address, { passing }) }
    return {
      address,
      converse,
      converseMany: async () => undefined,
      takesDescriptor: async () => false,
      close() {},
    }
  })
  if (list.length === 0) throw new Fault('config', 'CLAMD: names no server')
  const health = createHealth<ClamdServer>(undefined, ({ address: { text } }, state) => {
    // If there is only one server, each message says so.
    if (list.length > 1) tell(`clamd ${text}: ${state === 'fails' ? PASSED_OVER : 'answers again'}`)
  })
  const versions = createVersions(
    list,
    async ({ address }, signal) => {
      const outcome = await askClamd(address, 'VERSION', signal)
      return outcome.kind === 'answered' ? outcome.answer : undefined
    },
    { silent: (server) => list.length > 1 && health.failed(server) },
  )
  const servers: ClamdServers = { list, health, queue: createServerQueue(), versions }
  return {
    name: 'clamd',
    local: false,
    memorable: {
      identity: `clamd(${clam.maxSize})`,
      signatures: () => versions.newest(),
      async hasLoaded(files, isSettled) {
        await versions.newest() // asks, if that was not done just now
        const servers = list.map((server) => ({ ...server, version: versions.of(server) }))
        return servers.every((server) => hasLoaded(server, files, isSettled))
      },
    },
    takesBeside: true,
    async scan(sample, task) {
      const size = Math.max(sample.size, ...(sample.beside ?? []).map((content) => content.size))
      if (size > clam.maxSize) {
        return over('size', `clamd: ${size} bytes are more than CLAMDMAXSIZE ${clam.maxSize}`)
      }
      return askInTurn(servers, sample, task)
    },
    underWay() {
      const { queue } = servers
      return Object.fromEntries(
        list.map((server) => [server.address.text, queue.underWayAt(server)]),
      )
    },
    close() {
      versions.close()
      for (const server of list) server.close()
    },
  }
}

const CAUSE_OF = {
  unreachable: 'unreachable',
  broken: 'broken-off',
  'timed-out': 'timeout',
} as const satisfies Record<string, Cause>

type ClosableScanner = Scanner & { close(): void }

interface ClamdServer extends Sessions {
  readonly address: ClamdAddress
  /** Set if its sessions may take descriptors. */
  readonly passing?: PassedDescriptors | undefined
}

interface ClamdServers {
  readonly list: readonly ClamdServer[]
  readonly health: Health<ClamdServer>
  readonly queue: ServerQueue<ClamdServer>
  readonly versions: Versions<ClamdServer>
}

async function askInTurn(
  { list, health, queue, versions }: ClamdServers,
  sample: Sample,
  task: ScanTask,
): Promise<Verdict> {
  const troubles = new Map<ClamdServer, string>()
  // Where there are several, the last is for suspects as long as there are any: if it dies of one,
  // it has no other mail then.
  const apart = list.length > 1 ? list.at(-1) : undefined
  const left = new Set(task.suspects === 'this' && apart ? [apart] : list) // may still answer
  let round = new Set(left) // those of them that were not asked since the last pause
  let broken = 0
  let outlasted = false
  let cause: Cause = 'timeout' // of the trouble that came last

  /** Those in health, in their order; if there are none, one of those at rest may answer. */
  function wanted(): readonly ClamdServer[] {
    const healthy = [...round].filter((server) => !health.isResting(server))
    if (healthy.length === 0) return [...round]
    const shared = task.suspects ? healthy.filter((server) => server !== apart) : healthy
    return byLoad(shared.length > 0 ? shared : healthy, queue)
  }

  for (let pauses = 0; left.size > 0; ) {
    if (round.size === 0) {
      await pause(lengthOfPause(pauses++), task.signal)
      round = new Set(left)
    }
    const server = await queue.take(wanted, task.signal, sample.size)
    if (server === undefined) {
      const why = `${CONVERSATIONS_MAX} messages at once, and no end of one within the time limit`
      for (const waiting of left) {
        if (!troubles.has(waiting)) note(waiting, why)
        else if (isLate(task.signal)) health.failed(waiting)
      }
      break
    }
    round.delete(server)
    const version = versions.of(server)
    const outcome = await ask(server, sample, task).finally(() => {
      queue.leave(server, sample.size)
    })
    if (outcome.kind === 'answered') {
      health.answered(server)
      task.signatures?.('clamd', version)
      for (const trouble of troubles.values()) task.note(trouble)
      return verdictOf(outcome.answer, server.address)
    }
    note(server, outcome.why)
    cause = CAUSE_OF[outcome.kind]
    if (outcome.kind === 'unreachable') {
      if (!mayComeBack(outcome.state, server)) left.delete(server)
      if (outcome.broke && ++broken === BROKEN_MAX) break
      continue
    }
    left.delete(server)
    // The client left: nobody waits for the answer any more, and no server is to blame.
    if (outcome.kind === 'broken' || isLate(task.signal)) health.failed(server)
    outlasted = outcome.kind === 'timed-out' && isLate(task.signal)
    if (outcome.kind === 'timed-out') break
    if (++broken === BROKEN_MAX) break
  }
  const why = [...troubles.values()].join('; ')
  return (broken > 0 || outlasted ? harmed : unknown)(why, cause)

  function note(server: ClamdServer, why: string): void {
    troubles.set(server, `clamd ${server.address.text}: ${why}`)
  }

  /** A queue that is full belongs to a server that is up: it says nothing about its health. */
  function mayComeBack(state: Absence, server: ClamdServer): boolean {
    if (state === 'full') return true
    const hasDied = task.suspects !== undefined && state !== 'silent'
    const within = hasDied ? COMES_BACK_AFTER_DEATH : COMES_BACK_WITHIN[state]
    return health.missed(server) < within
  }
}

/** The one with the fewest messages for its weight first; of these a local one, then as they are named. */
function byLoad(
  servers: readonly ClamdServer[],
  queue: ServerQueue<ClamdServer>,
): readonly ClamdServer[] {
  if (servers.length === 1) return servers
  const load = (server: ClamdServer) => (queue.underWayAt(server) + 1) / server.address.weight
  const distance = ({ address }: ClamdServer) => (isLocal(address) ? 0 : 1)
  return servers.toSorted((a, b) => load(a) - load(b) || distance(a) - distance(b))
}

/** A message and what is beside it: at once if the server can do that, else one after another. */
async function ask(
  server: ClamdServer,
  sample: Sample,
  task: ScanTask,
): Promise<ClamdOutcome<ClamdReply>> {
  const { beside = [] } = sample
  const all = [...beside, sample]
  const handed = await askByDescriptors(server, all, task)
  if (handed !== undefined) return handed
  if (beside.length === 0) return askAboutOne(server, sample, task)
  const together = await scanStreams(all, task.signal, server.converseMany)
  if (together?.kind === 'answered') return { kind: 'answered', answer: worstOf(together.answer) }
  if (together !== undefined) return together
  const replies: ClamdReply[] = []
  for (const sample of all) {
    const outcome = await askAboutOne(server, sample, task)
    if (outcome.kind !== 'answered' || outcome.answer.says === 'infected') return outcome
    replies.push(outcome.answer)
  }
  return { kind: 'answered', answer: worstOf(replies) }
}

/**
 * Undefined if they cannot be handed over, or the server had no use for them: then they are to be
 * sent.
 */
async function askByDescriptors(
  { address, passing, takesDescriptor, converseMany }: ClamdServer,
  samples: readonly Sample[],
  task: ScanTask,
): Promise<ClamdOutcome<ClamdReply> | undefined> {
  const size = Math.max(...samples.map((sample) => sample.size))
  if (passing === undefined || !(await takesDescriptor(size, task.signal))) return undefined
  const files: number[] = []
  const own = async (sample: Sample) => {
    const file = await memoryFileOf(sample, passing)
    files.push(file)
    return () => file
  }
  try {
    const descriptors: (() => number)[] = []
    for (const sample of samples) descriptors.push(sample.sealedFile ?? (await own(sample)))
    const outcome = await scanDescriptors(descriptors, task.signal, converseMany)
    if (outcome?.kind !== 'answered') return outcome
    const worst = worstOf(outcome.answer)
    const untaken = outcome.answer.find((reply) => reply.says === 'no-access')
    if (untaken === undefined || worst.says === 'infected') {
      return { kind: 'answered', answer: worst }
    }
    task.note(`clamd ${address.text}: took no descriptor, got a copy: ${untaken.text}`)
  } catch (error) {
    if (!(error instanceof NoMemoryFile)) throw error
    task.note(`clamd ${address.text}: got a copy: ${error.message}`)
  } finally {
    for (const file of files) closeSync(file)
  }
  return undefined
}

/** A virus before all else, and clean only if all are. */
function worstOf(replies: readonly ClamdReply[]): ClamdReply {
  const infected = replies.find(({ says }) => says === 'infected')
  return infected ?? replies.find(({ says }) => says !== 'clean') ?? { says: 'clean' }
}

/** By path where that is worth it, by INSTREAM where it is not or does not work. */
async function askAboutOne(
  { address, converse }: ClamdServer,
  sample: Sample,
  task: ScanTask,
): Promise<ClamdOutcome<ClamdReply>> {
  const isWorthIt = sample.pathIsShared && sample.size >= BY_PATH_FROM
  if (address.kind === 'unix' && isWorthIt) {
    const path = await pathOf(sample, task)
    const outcome =
      path === undefined ? undefined : await scanPath(address, path, task.signal, converse)
    if (outcome !== undefined) {
      if (outcome.kind !== 'answered' || outcome.answer.says !== 'no-access') return outcome
      task.note(`clamd ${address.text}: cannot read SPOOLDIR, got a copy: ${outcome.answer.text}`)
    }
  }
  const chunks = { [Symbol.iterator]: () => sample.chunks()[Symbol.iterator]() }
  return scanStream(address, chunks, task.signal, sample.size, converse)
}

/** The path is a short cut only: where it cannot be made, the message can still be sent. */
async function pathOf(sample: Sample, task: ScanTask): Promise<string | undefined> {
  try {
    return await sample.path()
  } catch (error) {
    task.note(`clamd got a copy: ${errorText(error)}`)
    return undefined
  }
}

function verdictOf(reply: ClamdReply, server: ClamdAddress): Verdict {
  switch (reply.says) {
    case 'clean':
      return clean
    case 'infected':
      return infected(reply.name)
    case 'over':
      return over(reply.limit, `clamd ${server.text}: ${reply.text}`)
    case 'no-access':
    case 'trouble':
      return unknown(`clamd ${server.text}: ${reply.text}`)
  }
}
