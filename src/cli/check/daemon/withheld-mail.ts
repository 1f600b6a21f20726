import { lstatSync } from 'node:fs'
import { askWithheld } from '../../../doors/warm/withheld.ts'
import type { Withheld } from '../../../verdicts/poison.ts'
import { type RunningDaemon, runningDaemons, SOCKET } from '../../shared/running-daemons.ts'
import { type Finding, warning } from '../shared/finding.ts'
import { optionValues } from '../shared/option-values.ts'

/** Milliseconds for the answer, which onescand has ready. */
const PATIENCE = 2_000

/** How many messages the onescand at this socket withholds from scanners, if it answers. */
export async function checkWithheldMail(path: string): Promise<Finding[]> {
  const told = await askWithheld(path, PATIENCE).catch(() => undefined) // other checks report why
  return told === undefined || told.messages === 0 ? [] : [describe(told)]
}

/** The same for each onescand that runs here, by proc(5) in this directory. */
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
  const value = `${what} withheld from scanners, which died of it or took too long: for ${when} minutes more`
  const remedy = 'see reason="poison: ..." in the log; SCANFAIL decides what becomes of them'
  return warning('poison', value, remedy)
}

function running(processes: string): RunningDaemon[] {
  try {
    return runningDaemons(processes)
  } catch {
    return [] // no proc(5)
  }
}

/**
 * The socket of an onescand. Anybody may start a program of that name with any words, so the socket
 * must belong to the program's user, or be the usual one.
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
