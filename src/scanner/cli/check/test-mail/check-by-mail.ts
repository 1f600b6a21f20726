import { existsSync } from 'node:fs'
import { type CheckLine, failure, ok, warning } from '../../../../base/check/check-line.ts'
import { OF_CHECK } from '../../../log/message-lines.ts'
import type { LogFile } from '../../../log/read-log.ts'
import { SENDMAIL } from '../../../protocol/smtp/sendmail-program.ts'
import { greeting, isListening, listenersOfHost } from '../../host/open-ports.ts'
import { AS_ROOT } from '../services/service-state.ts'
import { FollowedLog } from './followed-log.ts'
import { isAddress } from './name-mail.ts'
import type { SendingWay } from './send-mail.ts'
import { withCause } from './tested-way.ts'
import { WayTest } from './way-test.ts'

/**
 * The usual ways by which a host accepts mail: RFC 5321, RFC 6409, RFC 8314, and the program of local mail.
 */
const USUAL: readonly SendingWay[] = [
  { port: 25, security: 'none' },
  { port: 587, security: 'starttls' },
  { port: 465, security: 'tls' },
  { program: SENDMAIL },
]

/**
 * Tests each way by which this host accepts mail: sends a clean message and the EICAR test file, in a small and in a large
 * message, to `address`. Yields check lines about their outcome in the logs of onescan. A check line is ok only if
 * onescan itself logged the message. If the logs do not include those of onescan-queue (`readsSlots`), no
 * message is reported as not logged.
 */
export async function* checkByMail(
  address: string,
  logs: readonly LogFile[],
  {
    ways,
    readsSlots = true,
  }: { readonly ways?: readonly SendingWay[]; readonly readsSlots?: boolean },
): AsyncGenerator<CheckLine> {
  if (!isAddress(address)) {
    yield failure('--mail', `${address}: is not an address`, 'use the form user@example.org')
    return
  }
  const log = new FollowedLog(logs, OF_CHECK)
  try {
    const usable = (ways ?? (await waysOfHost())).filter(
      (way) => !('program' in way) || existsSync(way.program),
    )
    // All begin at once: one that is slow keeps no other one waiting.
    const ports = usable.flatMap((way) => ('port' in way && way.port !== 25 ? [way.port] : []))
    if (ways === undefined && isListening(25) && !listenersOfHost().some(({ port }) => port === 25))
      yield ok('port 25', 'listens at the loopback address alone: other hosts do not reach it')
    const other = ports.find((port) => !isUsual(port) || isListening(port))
    const places = logs.map(({ path }) => path).join(', ')
    const sendmail = usable.find((way) => 'program' in way)?.program ?? SENDMAIL
    const run = { address, log, places, readsSlots, other, sendmail }
    const tried = usable.map((way) => new WayTest(way, run).checkLines())
    void Promise.allSettled(tried) // one may fail before its turn
    const earlier = new Map<string, CheckLine>()
    for (const outcomes of tried)
      for (const outcome of await outcomes) yield withCause(outcome, earlier)
    for (const fault of log.faults) {
      yield warning('log', `${fault}: parts of this log were not read`, AS_ROOT)
    }
  } finally {
    log.close()
  }
}

const isUsual = (port: number) => USUAL.some((way) => 'port' in way && way.port === port)

/** The usual ways, and each other port on which others reach an SMTP server of this host. */
async function waysOfHost(): Promise<SendingWay[]> {
  const all = listenersOfHost()
  const usual = USUAL.map((way) => {
    const listener = 'port' in way ? all.find(({ port }) => port === way.port) : undefined
    return listener === undefined || listener.isEverywhere ? way : { ...way, host: listener.host }
  })
  const others = await greeting(all.filter(({ port }) => !isUsual(port)))
  return [...usual, ...others.map(({ host, port }) => ({ host, port, security: 'none' as const }))]
}
