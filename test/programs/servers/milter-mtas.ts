import { join } from 'node:path'
import {
  type DaemonSetup,
  quickest,
  type RunningDaemon,
  startOnescand,
} from '../../scanner/daemon/process.ts'
import { openDirectory } from '../host/reachable.ts'
import type { Ending } from '../host/server.ts'
import { postfixMissing, startPostfix } from './postfix.ts'
import { inputMailFilter, sendmailMissing, startSendmail } from './sendmail.ts'
import { type Receiver, startReceiver } from './smtp-receiver.ts'

/** An MTA with milters that it asks about all mail, and cannot do without. */
export interface Mta {
  readonly name: string
  readonly missing: string | false
  /** Hands mail on to a port of 127.0.0.1; the milters' addresses are in Postfix's form. */
  start(
    t: Ending,
    relayPort: number,
    ...milters: readonly string[]
  ): Promise<{ readonly port: number }>
}

export const mtas: readonly Mta[] = [
  {
    name: 'Postfix',
    missing: postfixMissing,
    start: (t, relayPort, ...milters) =>
      startPostfix(t, relayPort, {
        smtpd_milters: milters.join(' '),
        non_smtpd_milters: milters.join(' '),
        milter_default_action: 'tempfail',
      }),
  },
  {
    name: 'Sendmail',
    missing: sendmailMissing,
    start: (t, relayPort, ...milters) => {
      const filters = milters.map((milter, index) => inputMailFilter(`filter${index}`, milter))
      return startSendmail(t, relayPort, filters.join('\n'))
    },
  },
]

/** An MTA between a client and a host behind, with a place where a milter may stand. */
export interface Passage<Started = unknown> {
  readonly mta: Started
  /** Its port on 127.0.0.1. */
  readonly port: number
  /** The address as Postfix writes it. */
  readonly milter: string
  readonly receiver: Receiver
  /** Starts the milter with these settings until the test ends, and resolves when it serves. */
  serve(
    t: Ending,
    settings: DaemonSetup['settings'],
    program?: readonly string[],
  ): Promise<RunningDaemon>
}

/** Other filters that the MTA asks about the same mail, in their order. */
export interface Neighbours {
  readonly before?: readonly string[]
  readonly behind?: readonly string[]
}

export async function openPassage<Started extends { readonly port: number }>(
  t: Ending,
  start: (t: Ending, relayPort: number, ...milters: readonly string[]) => Promise<Started>,
  { before = [], behind = [] }: Neighbours = {},
): Promise<Passage<Started>> {
  const milter = `unix:${join(openDirectory(t), 'm')}`
  const receiver = await startReceiver(t)
  const mta = await start(t, receiver.port, ...before, milter, ...behind)
  return {
    mta,
    port: mta.port,
    milter,
    receiver,
    async serve(t, settings = {}, program = quickest) {
      return startOnescand(t, {
        program,
        args: ['--milter', milter, '--mode', '0666'],
        settings,
      })
    },
  }
}
