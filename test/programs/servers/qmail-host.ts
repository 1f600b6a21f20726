import { startOnescand } from '../../scanner/daemon/process.ts'
import type { Ending } from '../host/server.ts'

/** A host with qmail whose slot asks an onescand of its own. */
export interface QmailHost {
  /** A message as it leaves the host: with the field that qmail-queue puts on top. */
  pass(message: Buffer): Promise<Buffer>
  /** A line for each message. */
  readonly log: readonly string[]
}

export async function startQmailHost(
  t: Ending,
  settings: Readonly<Record<string, string>>,
): Promise<QmailHost> {
  const daemon = await startOnescand(t, { settings })
  const log: string[] = []
  return {
    log,
    async pass(message) {
      const outcome = await daemon.ask({ message, variables: settings })
      if (outcome.does !== 'hand on') throw new Error(`${outcome.does}: ${outcome.log}`)
      log.push(outcome.log)
      const received = 'Received: (qmail 1 invoked by uid 7791); 6 Oct 2025 09:12:41 -0000\n'
      return Buffer.concat([Buffer.from(received), outcome.message])
    },
  }
}
