import type { ToldDoor } from '../../../doors/slot-socket/tell.ts'
import {
  callNextServer,
  type NextServer,
  type NextServerTimeouts,
} from '../../../doors/smtp/next-server/next-server.ts'
import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok } from '../../../ground/errors/finding.ts'
import { readServiceAddress } from '../shared/service-address.ts'

/** Milliseconds for each step; a greeting may be delayed on purpose. */
const WITHIN = 20_000
const patience: NextServerTimeouts = {
  connection: WITHIN,
  command: WITHIN,
  data: WITHIN,
  block: WITHIN,
  end: WITHIN,
}

/**
 * Checks the SMTP and LMTP doors of a running onescand: does each greet, and does the next server behind
 * it? The check sends them only QUIT, so no mail comes of it.
 */
export async function checkRelays(doors: readonly ToldDoor[]): Promise<Finding[]> {
  const relays = doors.filter(({ next }) => next !== undefined)
  const found = relays.map(async ({ kind, address, next = '' }) => {
    const door = await greetingOf(address)
    const isShut = /\b554 5\.7\.1 .*\(--from\)/.test(door ?? '')
    const findings = [
      door === undefined
        ? ok(`${kind} ${address}`, 'greets')
        : isShut
          ? ok(`${kind} ${address}`, 'answers, and takes no mail of this host (--from)')
          : error(`${kind} ${address}`, door, 'see the log of onescand, and restart it'),
    ]
    const behind = await greetingOf(next)
    const remedy = `start it, or correct --next; until then mail is deferred at ${address}`
    const what = `next server ${next}`
    findings.push(behind === undefined ? ok(what, 'greets') : error(what, behind, remedy))
    return findings
  })
  return (await Promise.all(found)).flat()
}

/**
 * Returns why no mail server greets at this address; undefined if one does, or if this user may not
 * connect.
 */
async function greetingOf(text: string): Promise<string | undefined> {
  const options = readServiceAddress(text)
  if (options === undefined) return undefined
  let server: NextServer | undefined
  try {
    server = await callNextServer({ text, options }, patience)
    await server.ask('QUIT', 1000).catch(() => {})
    return undefined
  } catch (thrown) {
    const why = errorText(thrown).replace(`next server ${text}: `, '')
    return /\bEACCES\b/.test(why) ? undefined : why
  } finally {
    server?.close()
  }
}
