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
import type { Outcome } from './link.ts'
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
 *
 * More than CLAMDMAXSIZE is not sent: clamd answers OK to what is over its own
 * limits, unscanned. `lasting` is for who scans message after message until `close()`: its
 * connections last. Throws a Fault of kind `config` for an address that is none.
 */
export function clamdScanner({ clam }: ScanPolicy, { lasting = false } = {}): ClosableScanner {
  const servers = clam.addresses.map(readClamdAddress).map((address): Server => {
    return { address, ...(lasting ? openSessions(address) : { converse, close() {} }) }
  })
  if (servers.length === 0) throw new Fault('config', 'CLAMD: names no server')
  const health = createHealth(servers)
  return {
    name: 'clamd',
    local: false,
    async scan(specimen, task) {
      if (specimen.size > clam.maxSize) {
        return overLimit(`clamd: ${specimen.size} bytes are more than CLAMDMAXSIZE ${clam.maxSize}`)
      }
      return askInTurn(health, specimen, task)
    },
    close() {
      for (const server of servers) server.close()
    },
  }
}

type ClosableScanner = Scanner & { close(): void }

interface Server {
  readonly address: ClamdAddress
  readonly converse: Converse
  close(): void
}

async function askInTurn(
  health: Health<Server>,
  specimen: Specimen,
  task: ScanTask,
): Promise<Verdict> {
  const troubles: string[] = []
  let broken = 0
  for (const server of health.inOrder()) {
    const outcome = await ask(server, specimen, task)
    if (outcome.kind === 'answered') {
      health.answered(server)
      for (const trouble of troubles) task.note(trouble)
      return verdictOf(outcome.answer, server.address)
    }
    // Ended before its time: nobody waits for the answer any more, and nobody is to blame.
    const inTime = outcome.kind === 'timed-out' && !isLate(task.signal)
    if (!inTime) health.failed(server)
    troubles.push(`clamd ${server.address.text}: ${outcome.why}`)
    if (outcome.kind === 'timed-out') break
    if (outcome.kind === 'broken' && ++broken === BROKEN_MAX) break
  }
  return unknown(troubles.join('; '))
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
    case 'no-access':
    case 'trouble':
      return unknown(`clamd ${server.text}: ${reply.text}`)
  }
}

function overLimit(why: string): Verdict {
  return { answer: 'unknown', why, overLimit: true }
}
