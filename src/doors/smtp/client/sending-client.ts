import { clientNameOf, type Origin } from '../../../mail/message/envelope/envelope.ts'
import { plainAddress } from '../../../protocol/shared/smtp.ts'
import type { ClientAttributes } from '../../../protocol/smtp/commands.ts'

/** The client that sends a message, as far as the door knows it. */
export interface SendingClient {
  readonly origin: Origin
  /** Whether the client may relay or has authenticated. */
  readonly relay: boolean
}

/**
 * Returns what is known about the sending client: the attributes that the server in front has
 * told by XFORWARD or XCLIENT, or else what the connection itself shows. `peer` is the address at
 * the other end of the connection, and `hello` the greeting as it was sent.
 */
export function sendingClient(
  { ADDR, NAME, HELO, IDENT, LOGIN, SOURCE }: ClientAttributes,
  peer: string | undefined,
  hello: Buffer | undefined,
): SendingClient {
  const origin: Origin = {
    door: 'smtp',
    clientAddress: ADDR === undefined ? peer : plainAddress(ADDR),
    clientName: clientNameOf(NAME),
    helo: HELO ?? hello?.toString('latin1').split(' ')[1],
    login: LOGIN,
    queueId: IDENT,
  }
  return { origin, relay: SOURCE?.toUpperCase() === 'LOCAL' || LOGIN !== undefined }
}
