import type { ClamdAddress } from './address.ts'
import {
  type ClamdOutcome,
  type ClamdPacket,
  makeClamdConnection,
  type RawReplies,
} from './clamd-connection.ts'

/**
 * Sends a command with all that belongs to it, and takes the one reply. `packets` is
 * asked once for each time that it has to be sent.
 */
export type Converse = (
  address: ClamdAddress,
  packets: () => Iterator<ClamdPacket>,
  signal: AbortSignal,
) => Promise<ClamdOutcome<RawReplies>>

/**
 * The same with so many commands at once; the replies to them, in their order.
 * Undefined if this server takes one command a connection.
 */
export type ConverseMany = (
  packets: () => Iterator<ClamdPacket>,
  commands: number,
  signal: AbortSignal,
) => Promise<ClamdOutcome<readonly Buffer[]> | undefined>

/** On a connection of its own: of that nothing is left behind. */
export const converse: Converse = async (address, packets, signal) => {
  const connection = await makeClamdConnection(address)
  try {
    return await connection.exchange(packets(), signal)
  } finally {
    connection.end()
  }
}
