import type { NetConnectOpts } from 'node:net'
import { type CheckLine, failure } from '../../../base/check/check-line.ts'
import { attempt, errorCode, errorText, errorTextAt, isFault } from '../../../base/errors/fault.ts'
import { hostToReach, type ServerAddress } from '../../../base/net/server-address.ts'
import { askOnce } from '../../../base/protocol/connection/ask-once.ts'
import { askPolicy } from '../../../base/protocol/policy-attributes.ts'
import {
  callNextServer,
  defaultNextServerTimeouts,
} from '../../doors/smtp/next-server/next-server.ts'
import type { SmtpRoute } from '../../doors/smtp/next-server/smtp-services.ts'
import { mayConnect } from '../../doors/smtp/smtp-door.ts'
import {
  doorName,
  type ListeningDoor,
  pageName,
  parseDoorAddress,
} from '../../options/door-address.ts'
import { encodeNegotiation, everyCapability } from '../../protocol/milter/milter-offer.ts'
import { packet } from '../../protocol/milter/packets.ts'
import { askForDescription } from '../../protocol/slot/daemon-description.ts'
import { SELF_TEST_TIMEOUT } from './judge-test-mail.ts'

/**
 * Connects to a door like its clients, without any mail. Resolves to the fault, or to undefined. Never
 * rejects.
 */
export async function tryDoor(door: ListeningDoor): Promise<CheckLine | undefined> {
  const at = attempt(() => parseDoorAddress(door.address, '', true))
  // The runtime does not know the address of an inherited socket.
  if (at === undefined) return undefined
  try {
    await connectTo(door, at)
    return undefined
  } catch (error) {
    // The socket may be for the MTA's group alone: others can connect although we cannot.
    if (errorCode(error) === 'EACCES') return undefined
    const path = at.kind === 'unix' ? at.path : ''
    return failure(doorName(door), errorTextAt(path, error), remedyFor(error))
  }
}

/** A next server that is down is started again: a restart of onescand would only end sessions. */
const remedyFor = (error: unknown) =>
  isFault(error) && error.kind === 'next-hop'
    ? 'start that server, or correct its address in ONESCAND_OPTIONS (--next)'
    : "read onescand's log, then restart onescand"

async function connectTo(door: ListeningDoor, at: ServerAddress): Promise<void> {
  switch (door.kind) {
    case 'qmail':
      if (at.kind === 'unix') await askForDescription(at.path, SELF_TEST_TIMEOUT)
      return
    case 'milter':
      return expect(at, 'O', { question: NEGOTIATION, from: LENGTH })
    case 'policy':
      await askPolicy(targetOf(at), POLICY_QUESTION, SELF_TEST_TIMEOUT)
      return
    case 'clamd':
    case 'clamd-mail':
      return expect(at, 'PONG\0', { question: Buffer.from('zPING\0') })
    case 'clamd-tls':
    case 'clamd-mail-tls':
      // Bytes that are not a handshake are answered by an alert or by the end of the connection.
      await askOnce(targetOf(at), Buffer.from('zPING\0'), () => true, SELF_TEST_TIMEOUT)
      return
    case 'smtp':
    case 'lmtp':
      return callSmtpDoor(door, at)
  }
}

/** Answers of onescand's page to /readyz: ready or not, and, to all who do not send its token, 401. */
const OF_PAGE = /^HTTP\/1\.\d (?:(?:200|503) .*\bserving\b|401 .*realm="onescand")/s

/** Checks whether the page of --http is onescand's. Resolves to what is wrong. Never rejects. */
export async function tryPage(at: ServerAddress): Promise<CheckLine[]> {
  const question = Buffer.from('GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n')
  let answer = ''
  const read = (chunk: Buffer) => {
    answer += chunk.toString('latin1')
    return OF_PAGE.test(answer) || undefined
  }
  try {
    if (await askOnce(targetOf(at), question, read, SELF_TEST_TIMEOUT)) return []
    throw new Error('another program answers there')
  } catch (error) {
    const remedy = 'set another address with --http, and restart onescand'
    return [failure(pageName(at), errorText(error), remedy)]
  }
}

/**
 * Expects the greeting of the door, or its refusal of this host, and the greeting of the next server.
 */
async function callSmtpDoor({ route }: ListeningDoor, at: ServerAddress): Promise<void> {
  const target = targetOf(at)
  const isShutOut = 'host' in target && route && !mayConnect(target.host, route.from)
  await expect(at, isShutOut ? '554' : '220')
  if (route !== undefined) await callNext(route)
}

/** Connects to the server to which a door passes mail, and sends QUIT. Rejects if it does not greet. */
export async function callNext({ next }: Pick<SmtpRoute, 'next'>): Promise<void> {
  const within = { connection: SELF_TEST_TIMEOUT, command: SELF_TEST_TIMEOUT }
  const server = await callNextServer(next, { ...defaultNextServerTimeouts, ...within })
  await server.ask('QUIT').catch(() => {})
  server.close()
}

/** A request without a recipient, so that no quota service is queried. */
const POLICY_QUESTION = { request: 'smtpd_access_policy', protocol_state: 'CONNECT' }

/**
 * Sends a request to a door. Rejects if it does not answer in time, or if the answer after its first
 * `from` bytes is not `expected`.
 */
async function expect(
  at: ServerAddress,
  expected: string,
  { question = Buffer.alloc(0), from = 0 } = {},
): Promise<void> {
  let answer = ''
  const read = (chunk: Buffer) => {
    answer += chunk.toString('latin1')
    return answer.length < from + expected.length ? undefined : answer
  }
  const whole = await askOnce(targetOf(at), question, read, SELF_TEST_TIMEOUT)
  if (whole === undefined) throw new Error('closes the connection')
  if (!whole.startsWith(expected, from))
    throw new Error(`answered ${whole.replace(/\n.*/s, '').trim()}`)
}

/** The first and last command of an MTA that offers all that milters may request, and has no mail. */
const NEGOTIATION = Buffer.concat([encodeNegotiation(everyCapability), packet('Q')])
/** The length of a packet. */
const LENGTH = 4

/**
 * Returns the address at which to connect to a door: the loopback address, if it listens at every
 * address.
 */
function targetOf(
  at: ServerAddress,
): NetConnectOpts & ({ path: string } | { host: string; port: number }) {
  if (at.kind === 'unix') return { path: at.path }
  return { host: hostToReach(at.host), port: at.port }
}
