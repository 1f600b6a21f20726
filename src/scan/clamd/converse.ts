import type { ClamdAddress } from './address.ts'
import { type LinkOutcome, makeLink, type Packet, type Received } from './link.ts'

/**
 * Sends a command with all that belongs to it, and takes the one reply. `packets` is
 * asked once for each time that it has to be sent.
 */
export type Converse = (
  address: ClamdAddress,
  packets: () => Iterator<Packet>,
  signal: AbortSignal,
) => Promise<LinkOutcome<Received>>

/**
 * The same with so many commands at once; the replies to them, in their order.
 * Undefined if this server takes one command a connection.
 */
export type ConverseMany = (
  packets: () => Iterator<Packet>,
  commands: number,
  signal: AbortSignal,
) => Promise<LinkOutcome<readonly Buffer[]> | undefined>

/** On a connection of its own: of that nothing is left behind. */
export const converse: Converse = async (address, packets, signal) => {
  const link = await makeLink(address)
  try {
    return await link.exchange(packets(), signal)
  } finally {
    link.end()
  }
}
