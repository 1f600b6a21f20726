import { once } from 'node:events'
import { connect, type NetConnectOpts } from 'node:net'
import { errorCode, errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding } from '../../../ground/errors/finding.ts'
import { askPolicy } from '../../policy/attributes.ts'
import { askToTell } from '../../slot-socket/tell.ts'
import { mayConnect } from '../../smtp/door.ts'
import { callNextServer } from '../../smtp/next-server/next-server.ts'
import type { SmtpRoute } from '../../smtp/shared/server.ts'
import { type DoorAddress, type PlacedDoor, readDoorAddress } from '../options/door.ts'

/** Milliseconds for a door to answer. */
const PATIENCE = 10_000

/** A door in the words of logs and findings. */
export const nameOf = ({ kind, address }: PlacedDoor): string => `${kind} ${address}`

/**
 * Connects to a door as its clients do, without any mail. Resolves with what is wrong, or undefined.
 * Never rejects.
 */
export async function tryDoor(door: PlacedDoor): Promise<Finding | undefined> {
  const at = readAddress(door.address)
  // The runtime does not know the address of a socket that was handed over.
  if (at === undefined) return undefined
  try {
    await connectTo(door, at)
    return undefined
  } catch (thrown) {
    // The socket may be for the MTA's group alone: others can connect although we cannot.
    if (errorCode(thrown) === 'EACCES') return undefined
    return error(nameOf(door), errorText(thrown), 'see the log of onescand, and restart it')
  }
}

async function connectTo(door: PlacedDoor, at: DoorAddress): Promise<void> {
  switch (door.kind) {
    case 'slot':
      if (at.kind === 'unix') await askToTell(at.path, PATIENCE)
      return
    case 'milter':
      return call(at)
    case 'policy':
      await askPolicy(targetOf(at), POLICY_QUESTION, PATIENCE)
      return
    case 'smtp':
    case 'lmtp':
      return callRelay(door, at)
  }
}

/** The door has to greet this host, or to shut it out, and the next server has to greet. */
async function callRelay({ relay }: PlacedDoor, at: DoorAddress): Promise<void> {
  const target = targetOf(at)
  const isShutOut = 'host' in target && relay && !mayConnect(target.host, relay.from)
  await call(at, isShutOut ? '554' : '220')
  if (relay !== undefined) await callNext(relay)
}

/** Says QUIT to the server to which a door hands mail on. Rejects if it does not greet. */
export async function callNext({ next }: Pick<SmtpRoute, 'next'>): Promise<void> {
  const [connection, command, data, block, end] = new Array(5).fill(PATIENCE)
  const server = await callNextServer(next, { connection, command, data, block, end })
  await server.ask('QUIT').catch(() => {})
  server.close()
}

/** A question without a recipient, so that no service for quotas is asked. */
const POLICY_QUESTION = { request: 'smtpd_access_policy', protocol_state: 'CONNECT' }

/** Connects. Rejects if the door does not begin its greeting so, if one is expected. */
async function call(at: DoorAddress, greeting?: string): Promise<void> {
  const signal = AbortSignal.timeout(PATIENCE)
  const socket = connect(targetOf(at))
  const closed = once(socket, 'close').then(() => {
    throw new Error('closes the connection')
  })
  closed.catch(() => {})
  try {
    await once(socket, 'connect', { signal })
    if (greeting === undefined) return
    const [first] = await Promise.race([once(socket, 'data', { signal }), closed])
    const answer = (first as Buffer).toString('latin1')
    if (!answer.startsWith(greeting)) {
      throw new Error(`answered ${answer.split('\n')[0]!.trim()}`)
    }
  } catch (thrown) {
    throw signal.aborted ? new Error('no answer in time') : thrown
  } finally {
    socket.on('error', () => {})
    socket.destroy()
  }
}

/** Where to connect to a door. If it listens at every address, that is the loopback address. */
function targetOf(
  at: DoorAddress,
): NetConnectOpts & ({ path: string } | { host: string; port: number }) {
  if (at.kind === 'unix') return { path: at.path }
  const host = at.host === '0.0.0.0' ? '127.0.0.1' : at.host === '::' ? '::1' : at.host
  return { host, port: at.port }
}

function readAddress(address: string): DoorAddress | undefined {
  try {
    return readDoorAddress(address, '')
  } catch {
    return undefined
  }
}
