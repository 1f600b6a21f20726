import { errorText, Fault } from '../../fault.ts'
import type { ScanPolicy } from '../policy.ts'
import {
  clean,
  infected,
  isLate,
  type Scanner,
  type ScanTask,
  type Specimen,
  unknown,
  type Verdict,
} from '../scanner.ts'
import { type ClamdAddress, readClamdAddress } from './address.ts'
import { scanPath, scanStream } from './ask.ts'
import { type Converse, converse } from './converse.ts'
import { createHealth, type Health } from './health.ts'
import type { Absence, Outcome } from './link.ts'
import { COMES_BACK_WITHIN, lengthOfPause, pause } from './patience.ts'
import { createPlaces, PLACES, type Places } from './places.ts'
import type { ClamdReply } from './reply.ts'
import { openSessions } from './sessions.ts'

/**
 * Bytes from which on a local clamd is given the path of a message that is no file yet,
 * where it may hope to read it. Below, making that file costs more than sending the bytes.
 */
export const BY_PATH_FROM = 512 * 1024

/** Servers that one message is given to. What broke two of them may be what breaks the next. */
const BROKEN_MAX = 2

/**
 * Plugin `clamd`: asks the servers of CLAMD in their order until one answers.
 * Whatever a server says is the answer; the next one is asked only where there was
 * no connection or it broke. Never asked again: one that was too slow, because clamd
 * goes on scanning after its client has left. One that failed is asked last for a while.
 * With more than PLACES messages at a server the next one is asked, or they wait.
 * Where nobody could be reached but may be in a moment, all of that is done again.
 *
 * More than CLAMDMAXSIZE is not sent: clamd answers OK to what is over its own
 * limits, unscanned. `lasting` is for who scans message after message until `close()`: its
 * connections last. Throws a Fault of kind `config` for an address that is none.
 */
export function clamdScanner({ clam }: ScanPolicy, { lasting = false } = {}): ClosableScanner {
  const list = clam.addresses.map(readClamdAddress).map((address): Server => {
    return { address, ...(lasting ? openSessions(address) : { converse, close() {} }) }
  })
  if (list.length === 0) throw new Fault('config', 'CLAMD: names no server')
  const servers: Servers = { list, health: createHealth(), places: createPlaces() }
  return {
    name: 'clamd',
    local: false,
    async scan(specimen, task) {
      if (specimen.size > clam.maxSize) {
        return overLimit(`clamd: ${specimen.size} bytes are more than CLAMDMAXSIZE ${clam.maxSize}`)
      }
      return askInTurn(servers, specimen, task)
    },
    close() {
      for (const server of list) server.close()
    },
  }
}

type ClosableScanner = Scanner & { close(): void }

interface Server {
  readonly address: ClamdAddress
  readonly converse: Converse
  close(): void
}

interface Servers {
  readonly list: readonly Server[]
  readonly health: Health<Server>
  readonly places: Places<Server>
}

async function askInTurn(
  { list, health, places }: Servers,
  specimen: Specimen,
  task: ScanTask,
): Promise<Verdict> {
  const troubles = new Map<Server, string>()
  const left = new Set(list) // those that may still answer
  let round = new Set(list) // those of them that were not asked since the last pause
  let broken = 0

  /** Those in health, in their order; if there are none, one of those at rest may answer. */
  function wanted(): readonly Server[] {
    const healthy = [...round].filter((server) => !health.isResting(server))
    return healthy.length > 0 ? healthy : [...round]
  }

  for (let pauses = 0; left.size > 0; ) {
    if (round.size === 0) {
      await pause(lengthOfPause(pauses++), task.signal)
      round = new Set(left)
    }
    const server = await places.take(wanted, task.signal)
    if (server === undefined) {
      const why = `${PLACES} messages at once, and no end of one within the time limit`
      for (const each of left) {
        if (!troubles.has(each)) note(each, why)
        else if (isLate(task.signal)) health.failed(each)
      }
      break
    }
    round.delete(server)
    const outcome = await ask(server, specimen, task).finally(() => places.leave(server))
    if (outcome.kind === 'answered') {
      health.answered(server)
      for (const trouble of troubles.values()) task.note(trouble)
      return verdictOf(outcome.answer, server.address)
    }
    note(server, outcome.why)
    if (outcome.kind === 'unreachable') {
      if (!mayComeBack(outcome.state, server)) left.delete(server)
      continue
    }
    left.delete(server)
    // Ended before its time: nobody waits for the answer any more, and nobody is to blame.
    if (outcome.kind === 'broken' || isLate(task.signal)) health.failed(server)
    if (outcome.kind === 'timed-out') break
    if (++broken === BROKEN_MAX) break
  }
  return unknown([...troubles.values()].join('; '))

  function note(server: Server, why: string): void {
    troubles.set(server, `clamd ${server.address.text}: ${why}`)
  }

  /** A queue that is full belongs to a server that is up: it says nothing about its health. */
  function mayComeBack(state: Absence, server: Server): boolean {
    return state === 'full' || health.missed(server) < COMES_BACK_WITHIN[state]
  }
}

/** By path where that is worth it, by INSTREAM where it is not or does not work. */
async function ask(
  { address, converse }: Server,
  specimen: Specimen,
  task: ScanTask,
): Promise<Outcome<ClamdReply>> {
  const isWorthIt = specimen.isFile || specimen.size >= BY_PATH_FROM
  if (address.kind === 'unix' && specimen.pathIsShared && isWorthIt) {
    const path = pathOf(specimen, task)
    const outcome =
      path === undefined ? undefined : await scanPath(address, path, task.signal, converse)
    if (outcome !== undefined) {
      if (outcome.kind !== 'answered' || outcome.answer.says !== 'no-access') return outcome
      task.note(`clamd ${address.text}: cannot read SPOOLDIR, got a copy: ${outcome.answer.text}`)
    }
  }
  const chunks = { [Symbol.iterator]: () => specimen.chunks()[Symbol.iterator]() }
  return scanStream(address, chunks, task.signal, specimen.size, converse)
}

/** The path is a short cut only: where it cannot be made, the message can still be sent. */
function pathOf(specimen: Specimen, task: ScanTask): string | undefined {
  try {
    return specimen.path()
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
    case 'over-limit':
      return overLimit(`clamd ${server.text}: ${reply.text}`)
    case 'over-nested':
      return { answer: 'unknown', why: `clamd ${server.text}: ${reply.text}`, overNested: true }
    case 'no-access':
    case 'trouble':
      return unknown(`clamd ${server.text}: ${reply.text}`)
  }
}

function overLimit(why: string): Verdict {
  return { answer: 'unknown', why, overLimit: true }
}
