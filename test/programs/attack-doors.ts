import { onescanc } from '../c/onescanc/client.ts'
import { startOnescand } from '../doors/daemon/process.ts'
import { quickest, runSlot } from '../doors/slot/slot.ts'
import { type Mta, openPassage } from './milter-mtas.ts'
import type { Ending } from './server.ts'
import { sendMail } from './smtp-session.ts'

/** What the sender of a message is answered, and what the next program gets. */
export interface Answer {
  readonly kind: 'refused' | 'deferred' | 'delivered'
  /** The reply, or the log line if the door has no reply text. */
  readonly text: string
  /** Undefined where nothing was delivered. */
  readonly left?: Buffer
}

/** A way by which mail comes to onescan. */
export interface Door {
  readonly name: string
  send(message: Buffer): Promise<Answer>
}

type Settings = Readonly<Record<string, string>>

/** The slot that is started for each message. */
export function coldSlot(settings: Settings): Door {
  return { name: 'the cold slot', send: (message) => bySlot(quickest, message, settings) }
}

/** The thin client before onescand; with SPOOLDIR in the settings, large mail goes as a file. */
export async function client(t: Ending, settings: Settings): Promise<Door> {
  const daemon = await startOnescand(t, { settings })
  const own = { ONESCAN_SOCKET: daemon.socket, ONESCAN_COLD: '/bin/false' }
  return {
    name: `onescanc and onescand${settings.SPOOLDIR ? ' by way of SPOOLDIR' : ''}`,
    send: (message) => bySlot([onescanc], message, { ...settings, ...own }),
  }
}

/** onescand's milter behind an MTA. */
export async function milter(t: Ending, { name, start }: Mta, settings: Settings): Promise<Door> {
  const passage = await openPassage(t, start)
  await passage.serve(t, settings)
  return {
    name: `the milter behind ${name}`,
    async send(message) {
      const mail = { from: 'ann@example.net', to: ['ben@example.org'], message }
      // Sendmail hangs up on a bare CR, and may not wait for what is still on its way.
      const text = await sendMail(passage.port, mail).then(
        ({ data }) => data,
        (error: Error) => `421 ${error.message}`,
      )
      if (text.startsWith('421') || text.startsWith('5')) return { kind: 'refused', text }
      if (!text.startsWith('250')) return { kind: 'deferred', text }
      return { kind: 'delivered', text, left: (await passage.receiver.next()).message }
    },
  }
}

async function bySlot(
  program: readonly string[],
  message: Buffer,
  settings: Settings,
): Promise<Answer> {
  const run = await runSlot({ program, message, settings })
  const text = run.logged
  if (run.code === 31) return { kind: 'refused', text }
  if (run.code !== 0) return { kind: 'deferred', text: `exit ${run.code}: ${text}` }
  return { kind: 'delivered', text, left: Buffer.from(run.text, 'latin1') }
}
