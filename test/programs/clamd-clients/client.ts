import { type Ending, startServer } from '../host/server.ts'
import { sendMail } from '../servers/smtp-session.ts'

/** Where a clamd, or what is in its place, is asked: a unix socket, or a port of 127.0.0.1. */
export type ClamdPlace = { readonly path: string } | { readonly port: number }

/** What happens to a message: the reply to its sender, or to the caller of the program. */
export type Fate = 'let in' | 'refused' | 'deferred'

/** Resolves to what happens to a message, whose lines end in LF. */
export interface Judge {
  (mail: Buffer): Promise<Fate>
  /** Where it takes mail by SMTP, on 127.0.0.1. */
  readonly port?: number
}

/** A program that asks clamd about mail. */
export interface ClamdClient {
  readonly name: string
  /** Why its tests are skipped; false where everything is there. */
  readonly missing: string | false
  readonly asksBy: 'unix' | 'tcp'
  /** Settings of onescand that it needs. */
  readonly settings?: Readonly<Record<string, string>>
  /** Whether it can only name files: then the unit of onescand has to bind what `start` puts them into. */
  readonly namesFiles?: true
  /** The evasion that clamd by itself misses in what this program hands it, and onescan finds. */
  readonly evasion: string
  /** Starts it until the test ends; its configuration differs between clamd and onescand by the place alone. */
  start(t: Ending, place: ClamdPlace): Promise<Judge>
}

/** An evasion for clients that hand in the whole mail. */
export const IN_OPENPGP = 'OpenPGP that is compressed by zlib, as PGP/MIME'

/** The path of a client that asks by a unix socket. */
export function pathOf(place: ClamdPlace): string {
  if ('path' in place) return place.path
  throw new Error('a client that asks by a unix socket')
}

/** The port of a client that asks by TCP. */
export function portOf(place: ClamdPlace): number {
  if ('port' in place) return place.port
  throw new Error('a client that asks by TCP')
}

/** Judges by handing mail to a server of mail on this port. */
export function bySmtp(port: number): Judge {
  const judge = async (message: Buffer) => {
    const envelope = { from: 'ann@example.net', to: ['ben@example.org'] }
    const { data } = await sendMail(port, { ...envelope, message })
    const fates: Readonly<Record<string, Fate>> = { 2: 'let in', 4: 'deferred', 5: 'refused' }
    return fates[data[0]!]!
  }
  return Object.assign(judge, { port })
}

/** Starts a server that ends with the test. */
export async function startWith(t: Ending, ...words: Parameters<typeof startServer>) {
  const server = await startServer(...words)
  t.teardown(() => server.stop())
  return server
}
