import type { ClamdAddress } from './address.ts'
import { makeClamdConnection } from './clamd-connection.ts'
import type { ClamdOutcome, ClamdPacket, RawReplies } from './clamd-outcome.ts'

/**
 * Sends a command with its data, and takes the one reply. `packets` is called anew each time that the
 * command has to be sent.
 */
export type Converse = (
  address: ClamdAddress,
  packets: () => Iterator<ClamdPacket>,
  signal: AbortSignal,
) => Promise<ClamdOutcome<RawReplies>>

/**
 * Sends several commands at once, and takes their replies, in the order of the commands. Undefined if
 * the server takes only one command on a connection.
 */
export type ConverseMany = (
  packets: () => Iterator<ClamdPacket>,
  commands: number,
  signal: AbortSignal,
) => Promise<ClamdOutcome<readonly Buffer[]> | undefined>

/** Converses on a new connection, and ends it. */
export const converse: Converse = async (address, packets, signal) => {
  const connection = await makeClamdConnection(address)
  try {
    return await connection.exchange(packets(), signal)
  } finally {
    connection.end()
  }
}
