import { lstatSync } from 'node:fs'
import { askWithheld } from '../../../doors/slot-socket/withheld.ts'
import { type Finding, warning } from '../../../ground/errors/finding.ts'
import type { Withheld } from '../../../verdicts/poison/poison.ts'
import { type RunningDaemon, runningDaemons, SOCKET } from '../../shared/running-daemons.ts'
import { optionValues } from '../shared/option-values.ts'

/** Milliseconds for the answer, which onescand has ready. */
const PATIENCE = 2_000

/** Checks whether the onescand at this socket withholds messages from scanners. */
export async function checkWithheldMail(path: string): Promise<Finding[]> {
  const withheld = await askWithheld(path, PATIENCE).catch(() => undefined) // others report why
  return withheld === undefined || withheld.messages === 0 ? [] : [describe(withheld)]
}

/** Checks the same for each onescand that runs on this host. `processes` is proc(5). */
export async function checkWithheldMailOnHost(processes: string): Promise<Finding[]> {
  const paths = new Set(running(processes).flatMap(socketOf))
  const found = await Promise.all([...paths].map(checkWithheldMail))
  return found.flat()
}

function describe({ messages, soonest, latest }: Withheld): Finding {
  const minutes = (milliseconds: number) => Math.ceil(milliseconds / 60_000)
  const [first, last] = [minutes(soonest), minutes(latest)]
  const when = first === last ? `${first}` : `${first} to ${last}`
  const what = messages === 1 ? 'a message is' : `${messages} messages are`
  const value = `${what} withheld from scanners for ${when} more minutes, since scanners died of them or took too long`
  const remedy = 'see reason="poison: ..." in the log; SCANFAIL decides what becomes of them'
  return warning('poison', value, remedy)
}

function running(processes: string): RunningDaemon[] {
  try {
    return runningDaemons(processes)
  } catch {
    return [] // there is no proc(5)
  }
}

/**
 * The socket of an onescand. Anybody may start a program of that name with any options, so the socket
 * must be the usual one or belong to the program's user.
 */
function socketOf({ words, uid }: RunningDaemon): string[] {
  const path = optionValues(words, '--socket').at(-1) ?? SOCKET
  if (path === SOCKET) return [path]
  try {
    const { uid: owner } = lstatSync(path)
    return owner === uid ? [path] : []
  } catch {
    return [] // --socket none
  }
}
