import type { Envelope } from '../message/envelope/envelope.ts'
import type { Origin } from '../message/envelope/origin.ts'
import type { Message } from '../message/spool.ts'

/** What the door knows about the client. */
export interface Client {
  /** May relay or is authenticated (RELAYCLIENT set, `{auth_authen}` in a milter). */
  readonly relay: boolean
  /** A host of the cluster by its address (CLUSTERPEER set). */
  readonly clusterPeer: boolean
  /** The MTA's own bounce, which would be retried for ever if refused (qmail-send's uid). */
  readonly bounceInjector: boolean
  /** For plugins; no decision depends on it. */
  readonly origin?: Origin | undefined
}

/** One message that was received to its end, and whose envelope was checked. */
export interface Transaction<Kind extends Message = Message> {
  readonly message: Kind
  readonly envelope: Envelope
  readonly client: Client
}
