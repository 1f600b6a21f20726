import { WireError } from '../../../base/protocol/connection/wire-error.ts'
import type { Frame } from '../frames.ts'
import { plainAddress, type SmtpPath } from '../smtp/smtp-syntax.ts'
import { parseMacros } from './macros.ts'
import { type Capabilities, parseOffer } from './milter-offer.ts'

/** A command of an MTA. Texts are unchanged bytes, without their NULs. */
export type MilterCommand =
  | { readonly kind: 'negotiate'; readonly offer: Capabilities }
  | {
      readonly kind: 'macros'
      /** The letter of the command that the macros belong to. */
      readonly stage: string
      readonly values: ReadonlyMap<string, string>
    }
  | ({ readonly kind: 'connect' } & ConnectingClient)
  | { readonly kind: 'helo'; readonly name: Buffer }
  | ({ readonly kind: 'mail' } & SmtpPath)
  | ({ readonly kind: 'recipient' } & SmtpPath)
  | { readonly kind: 'data' }
  | { readonly kind: 'field'; readonly name: Buffer; readonly value: Buffer }
  | { readonly kind: 'end-of-header' }
  | { readonly kind: 'body'; readonly chunk: Buffer }
  /** Some MTAs send the last chunk of the body with this command. */
  | { readonly kind: 'end-of-message'; readonly chunk: Buffer }
  | { readonly kind: 'unknown-smtp'; readonly line: Buffer }
  /** Ends the message, but not the connection. */
  | { readonly kind: 'abort' }
  | { readonly kind: 'quit' }
  /** Ends the SMTP client's connection: the next client follows without another negotiation. */
  | { readonly kind: 'quit-new-connection' }

/** The SMTP client that has connected to the MTA. */
export interface ConnectingClient {
  readonly host: Buffer
  readonly family: 'unknown' | 'unix' | 'inet' | 'inet6'
  /** 0 if the client has none. */
  readonly port: number
  /** An IP address or the path of a socket; empty if it is unknown. */
  readonly address: string
}

/**
 * Parses a packet. Throws a WireError for an unknown command, and for data that does not fit its
 * command.
 */
export function parseCommand({ type: command, payload: data }: Frame): MilterCommand {
  switch (command) {
    case 'O':
      return { kind: 'negotiate', offer: parseOffer(data) }
    case 'D':
      return { kind: 'macros', ...parseMacros(data) }
    case 'C':
      return { kind: 'connect', ...parseClient(data) }
    case 'H':
      return { kind: 'helo', name: onlyString(data, 'HELO') }
    case 'M':
      return { kind: 'mail', ...parseSmtpPath(data, 'MAIL') }
    case 'R':
      return { kind: 'recipient', ...parseSmtpPath(data, 'RCPT') }
    case 'T':
      return { kind: 'data' }
    case 'L':
      return { kind: 'field', ...parseField(data) }
    case 'N':
      return { kind: 'end-of-header' }
    case 'B':
      return { kind: 'body', chunk: data }
    case 'E':
      return { kind: 'end-of-message', chunk: data }
    case 'U':
      return { kind: 'unknown-smtp', line: onlyString(data, 'unknown command') }
    case 'A':
      return { kind: 'abort' }
    case 'Q':
      return { kind: 'quit' }
    case 'K':
      return { kind: 'quit-new-connection' }
    default:
      throw new WireError(`unknown command ${JSON.stringify(command)}`)
  }
}

/** Bytes of a client's port and address: the longest address is the path of a socket, with 107. */
const CLIENT_MAX = 256

const families = { U: 'unknown', L: 'unix', '4': 'inet', '6': 'inet6' } as const

function parseClient(data: Buffer): ConnectingClient {
  const nul = data.indexOf(0)
  const letter = String.fromCharCode(data[nul + 1] ?? 0)
  if (nul < 0 || !Object.hasOwn(families, letter)) throw new WireError('CONNECT without a family')
  const host = data.subarray(0, nul)
  const family = families[letter as keyof typeof families]
  if (family === 'unknown') return { host, family, port: 0, address: '' }
  const rest = data.subarray(nul + 2)
  if (rest.length < 3) throw new WireError('CONNECT without an address')
  if (rest.length > CLIENT_MAX)
    throw new WireError(`CONNECT with an address of ${rest.length} bytes`)
  const address = onlyString(rest.subarray(2), 'CONNECT').toString('latin1')
  return { host, family, port: rest.readUInt16BE(), address: plainAddress(address) }
}

function parseSmtpPath(data: Buffer, command: string): SmtpPath {
  const [path, ...parameters] = stringsOf(data, command)
  if (path === undefined) throw new WireError(`${command} without an address`)
  return { path, parameters }
}

/**
 * Parses a field. An MTA may send a name that it cannot represent as an empty one, and a value with the NULs
 * that a client has put into it.
 */
function parseField(data: Buffer): { name: Buffer; value: Buffer } {
  const nul = data.indexOf(0)
  if (nul < 0 || nul === data.length - 1 || data.at(-1) !== 0) {
    throw new WireError('a header field that is not a name and a value')
  }
  return { name: data.subarray(0, nul), value: data.subarray(nul + 1, -1) }
}

function onlyString(data: Buffer, command: string): Buffer {
  const [text, ...more] = stringsOf(data, command)
  if (text === undefined || more.length > 0)
    throw new WireError(`${command} that is not one string`)
  return text
}

/** Returns the strings in `data`, each of which must end in a NUL. */
function stringsOf(data: Buffer, command: string): Buffer[] {
  const texts: Buffer[] = []
  for (let at = 0; at < data.length; ) {
    const nul = data.indexOf(0, at)
    if (nul < 0) throw new WireError(`${command}: a string without its NUL`)
    texts.push(data.subarray(at, nul))
    at = nul + 1
  }
  return texts
}
