import type { Envelope } from '../envelope/envelope.ts'
import type { Origin } from '../envelope/origin.ts'
import type { Message } from '../message/spool.ts'

/** What the door knows about the client. */
export interface Client {
  /** May relay or is authenticated (RELAYCLIENT set, `{auth_authen}` in a milter). */
  readonly relay: boolean
  /** A host of the cluster by its address (CLUSTERPEER set). */
  readonly clusterPeer: boolean
  /** The MTA's own bounce, which would be retried for ever if refused (qmail-send's uid). */
  readonly bounceInjector: boolean
  /** For plugins; decides nothing by itself. */
  readonly origin?: Origin | undefined
}

/** One message, wholly received, its envelope checked. */
export interface Transaction<Kind extends Message = Message> {
  readonly message: Kind
  readonly envelope: Envelope
  readonly client: Client
}
