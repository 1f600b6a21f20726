import { isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import { errorText, Fault } from '../../base/errors/fault.ts'
import { parseEndpoint } from '../../base/net/endpoint.ts'
import type { Environment } from '../../base/process/environment.ts'
import { checkExecutable } from '../../base/process/execute.ts'
import { readControlDirectories } from '../../base/settings/control-directories.ts'
import { CrlfReader } from '../../mail/message/crlf-reader.ts'
import { makeEnvelope } from '../../mail/message/envelope.ts'
import { handToSlot, QUEUE_TIMEOUT } from '../doors/slot/hand-to-slot.ts'
import { findNextProgram } from '../doors/slot/next-program.ts'
import {
  callNextServer,
  defaultNextServerTimeouts,
  type NextServer,
} from '../doors/smtp/next-server/next-server.ts'
import { SENDMAIL, sendmailOptions } from '../protocol/smtp/sendmail-program.ts'
import { PIECE_MAX, Stuffing } from '../protocol/smtp/smtp-content.ts'
import { type RawReply, replyTexts } from '../protocol/smtp/smtp-replies.ts'

/** A message that is sent on its route again. Addresses are latin1. */
export interface OutgoingMail {
  readonly sender: string
  readonly recipients: readonly string[]
  /** The message in pieces, with the added fields on top. */
  readonly bytes: () => Iterable<Buffer>
  /** Whether its lines end in CRLF. */
  readonly isCrlf: boolean
}

/** The program or server that receives a released message. */
export interface ReleaseRoute {
  /** Its name, for people. */
  readonly text: string
  /**
   * Resolves when the next program has taken the message, to its answer: the reply of a server, which may contain a
   * number in its queue, or '' from a program. Rejects with MaybeTaken if it may have taken it, and with a Fault if it
   * did not: a NotTaken if a server has answered that.
   */
  handOn(mail: OutgoingMail): Promise<string>
}

/** The next program or server has received the whole message, but did not report the outcome. */
export class MaybeTaken extends Error {}

/** The next server has refused the message. */
export class NotTaken extends Fault {
  /** Its reply, such as `451 4.7.1 Try again later`. */
  readonly answer: string
  /** The recipient whom it refused, latin1; undefined: the message as a whole. */
  readonly recipient: string | undefined

  constructor(message: string, answer: string, recipient: string | undefined) {
    super('next-hop', message)
    this.answer = answer
    this.recipient = recipient
  }
}

/** The environment of these programs, and not that of the caller. */
const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }

/**
 * The default routes of mail, by the door that kept it. A milter sees over SMTP what it saw before: programs complete and
 * rewrite the mail that they submit, also its recipients (Postfix's canonical_maps).
 */
const namedRoutes = { chain: 'chain', smtp: '127.0.0.1:25', sendmail: 'sendmail' } as const
export type RouteName = keyof typeof namedRoutes

/** Returns the default route of mail that this door kept. */
export const defaultRouteOf = (kept: string): RouteName =>
  kept === 'qmail' ? 'chain' : kept === 'milter' ? 'smtp' : 'sendmail'

/** Parses the name of a default route. The route of any other name is sendmail. */
export const parseDefaultRoute = (name: string, env: Environment): ReleaseRoute =>
  parseRoute(Object.hasOwn(namedRoutes, name) ? namedRoutes[name as RouteName] : 'sendmail', env)

/**
 * Parses a route: `chain`, the next program of onescan-queue; `sendmail`, which every MTA has, or
 * `HOST:PORT`. Throws a Fault of kind `config` for anything else.
 */
export function parseRoute(text: string, env: Environment): ReleaseRoute {
  if (text === 'sendmail') {
    return { text: SENDMAIL, handOn: (mail) => throughSendmail(mail, SENDMAIL) }
  }
  if (text === 'chain') {
    const { program, args } = findNextProgram([], env, readControlDirectories(env))
    const argv = [program, ...args] as const
    return { text: argv.join(' '), handOn: (mail) => throughChain(mail, argv) }
  }
  const options = parseEndpoint(text)
  if (options !== undefined) return { text, handOn: (mail) => bySmtp(mail, { text, options }) }
  throw new Fault('config', `--by ${text}: must be chain, sendmail, or HOST:PORT`)
}

async function throughChain(
  mail: OutgoingMail,
  argv: readonly [string, ...string[]],
): Promise<string> {
  const toBytes = (address: string) => Buffer.from(address, 'latin1')
  const { wire } = makeEnvelope(toBytes(mail.sender), mail.recipients.map(toBytes))
  checkExecutable(argv[0])
  const { code, signal } = await handToSlot({
    program: argv,
    message: mail.bytes(),
    envelope: wire,
    environment,
    timeout: QUEUE_TIMEOUT,
  })
  if (code === 0) return ''
  const text = `${argv.join(' ')}: failed with ${signal ?? code}`
  // It may have been killed after it had queued the message.
  throw code === null ? new MaybeTaken(text) : new Fault('next-hop', text)
}

/**
 * The one exit code (sysexits.h) after which the message is certainly not queued. With the others sendmail(8)
 * reports the outcome of an immediate delivery, and the mail is in its queue with 75 and at times with 70.
 */
const EX_USAGE = 64

async function throughSendmail(mail: OutgoingMail, program: string): Promise<string> {
  checkExecutable(program)
  const odd = [mail.sender, ...mail.recipients].find((address) => /[^!-~]/.test(address))
  const remedy = 'release it with --by HOST:PORT'
  if (odd !== undefined)
    throw new Fault('config', `<${odd}>: cannot be passed to ${program}; ${remedy}`)
  const args = [...sendmailOptions(program, mail.sender), '--', ...mail.recipients]
  const { code, signal, log } = await handToSlot({
    program: [program, ...args],
    message: piecesInLf(mail),
    envelope: Buffer.alloc(0), // sendmail has it on its command line
    environment,
    timeout: QUEUE_TIMEOUT,
  })
  if (code === 0) return ''
  const words = log.slice(0, 500).trim()
  const text = `${program}: failed with ${signal ?? code}${words === '' ? '' : ` (${words})`}`
  throw code === EX_USAGE ? new Fault('next-hop', text) : new MaybeTaken(text)
}

/** Yields the bytes of a mail whose lines end in LF, as programs accept it. */
function* piecesInLf({ bytes, isCrlf }: OutgoingMail): Generator<Buffer> {
  const lines = new CrlfReader()
  for (const piece of bytes()) yield isCrlf ? lines.push(piece) : piece
  yield lines.finish()
}

/** Milliseconds of a server until it has the message. Its answer to that has the time of RFC 5321 4.5.3.2.6. */
const CONVERSATION_TIME = 15 * 60_000

async function bySmtp(
  mail: OutgoingMail,
  route: Parameters<typeof callNextServer>[0],
): Promise<string> {
  const server = await callNextServer(route, defaultNextServerTimeouts)
  // A server that answers each command late would hold it for hours.
  const late = setTimeout(() => server.close(), CONVERSATION_TIME)
  try {
    return await converse(server, mail, route.text, () => clearTimeout(late))
  } finally {
    clearTimeout(late)
    server.close()
  }
}

/** Returns this host's name, or its address if that has no domain: servers may refuse others (RFC 5321 4.1.1.1). */
function nameForGreeting(address = '127.0.0.1'): string {
  const name = hostname()
  if (name.includes('.')) return name
  return isIPv6(address) ? `[IPv6:${address}]` : `[${address}]`
}

/** Resolves to the reply to the message. Calls `onSent` before the end of the message is sent. */
async function converse(
  server: NextServer,
  mail: OutgoingMail,
  name: string,
  onSent: () => void,
): Promise<string> {
  const inOneLine = (answer: RawReply) => `${answer.code} ${replyTexts(answer).join(' ')}`
  const answerText = (answer: RawReply, step: string) =>
    `${name}: answers ${inOneLine(answer)} to ${step}`
  const expect = (answer: RawReply, code: number, step: string, recipient?: string) => {
    if (Math.floor(answer.code / 100) === Math.floor(code / 100)) return
    throw new NotTaken(answerText(answer, step), inOneLine(answer), recipient)
  }
  const ask = async (line: string, recipient?: string) => {
    expect(await server.ask(Buffer.from(line, 'latin1')), 250, line, recipient)
  }
  for (const address of [mail.sender, ...mail.recipients]) {
    if (/[\0-\x1f\x7f<>]/.test(address))
      throw new Fault('config', `${JSON.stringify(address)}: cannot be sent over SMTP`)
  }
  const greeting = await server.ask(`EHLO ${nameForGreeting(server.ownAddress)}`)
  expect(greeting, 250, 'EHLO')
  const international = [mail.sender, ...mail.recipients].find((address) => /[^\0-\x7f]/.test(address)) // biome-ignore format: a line
  if (
    international !== undefined &&
    !replyTexts(greeting).some((text) => /^SMTPUTF8$/i.test(text))
  ) {
    const address = Buffer.from(international, 'latin1').toString()
    throw new Fault('next-hop', `${name}: does not offer SMTPUTF8, which <${address}> needs`) // biome-ignore format: a line
  }
  await ask(`MAIL FROM:<${mail.sender}>${international === undefined ? '' : ' SMTPUTF8'}`)
  // One refused recipient ends the release: otherwise that recipient would never receive the mail.
  for (const recipient of mail.recipients) await ask(`RCPT TO:<${recipient}>`, recipient)
  expect(await server.startData(), 354, 'DATA')
  const stuffing = new Stuffing()
  for (const piece of piecesInLf(mail)) {
    for (let at = 0; at < piece.length; at += PIECE_MAX) {
      await server.send([stuffing.push(piece.subarray(at, at + PIECE_MAX))])
    }
  }
  onSent()
  const reply = await server.endData([stuffing.finish()]).catch((error) => {
    throw new MaybeTaken(`${name}: ${errorText(error)}`)
  })
  // Only 4xx and 5xx mean that the message was not accepted.
  if (reply.code >= 300 && reply.code < 400) throw new MaybeTaken(answerText(reply, 'the message'))
  expect(reply, 250, 'the message')
  await server.ask('QUIT', 1000).catch(() => {}) // the message is already taken
  return inOneLine(reply)
}
