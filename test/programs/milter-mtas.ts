import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type DaemonSetup,
  quickest,
  type RunningDaemon,
  startOnescand,
} from '../doors/daemon/process.ts'
import { postfixMissing, startPostfix } from './postfix.ts'
import { inputMailFilter, sendmailMissing, startSendmail } from './sendmail.ts'
import { type Receiver, startReceiver } from './smtp-receiver.ts'

/** An MTA with milters that it asks about all mail, and cannot do without. */
export interface Mta {
  readonly name: string
  readonly missing: string | false
  /** Hands mail on to a port of 127.0.0.1; the milters' addresses are in Postfix's form. */
  start(
    relayPort: number,
    ...milters: readonly string[]
  ): Promise<{ readonly port: number; stop(): void | Promise<void> }>
}

export const mtas: readonly Mta[] = [
  {
    name: 'Postfix',
    missing: postfixMissing,
    start: (relayPort, ...milters) =>
      startPostfix(relayPort, {
        smtpd_milters: milters.join(' '),
        non_smtpd_milters: milters.join(' '),
        milter_default_action: 'tempfail',
      }),
  },
  {
    name: 'Sendmail',
    missing: sendmailMissing,
    start: (relayPort, ...milters) => {
      const filters = milters.map((milter, index) => inputMailFilter(`filter${index}`, milter))
      return startSendmail(relayPort, filters.join('\n'))
    },
  },
]

interface Test {
  teardown(stop: () => unknown): void
}

/** An MTA between a client and a host behind, with a place where a milter may stand. */
export interface Passage {
  /** The MTA's port on 127.0.0.1. */
  readonly port: number
  /** The address as Postfix writes it. */
  readonly milter: string
  readonly receiver: Receiver
  /** Starts the milter with these settings until the test ends, and resolves when it serves. */
  serve(
    t: Test,
    settings: DaemonSetup['settings'],
    program?: readonly string[],
  ): Promise<RunningDaemon>
}

/** Other filters that the MTA asks about the same mail, in their order. */
export interface Neighbours {
  readonly before?: readonly string[]
  readonly behind?: readonly string[]
}

export async function openPassage(
  t: Test,
  start: Mta['start'],
  { before = [], behind = [] }: Neighbours = {},
): Promise<Passage> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-milter-'))
  chmodSync(directory, 0o755) // for the MTA's own user
  const milter = `unix:${join(directory, 'm')}`
  const receiver = await startReceiver()
  const mta = await start(receiver.port, ...before, milter, ...behind)
  t.teardown(async () => {
    await mta.stop()
    await receiver.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    port: mta.port,
    milter,
    receiver,
    async serve(t, settings = {}, program = quickest) {
      const daemon = startOnescand(t, {
        program,
        args: ['--milter', milter, '--mode', '0666'],
        settings,
      })
      await daemon.logged(/serving/)
      return daemon
    },
  }
}
