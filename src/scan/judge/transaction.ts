import type { Envelope, Origin } from '../../mail/message/envelope/envelope.ts'
import type { Message } from '../../mail/message/message.ts'

/** The client, as far as the door knows it. */
export interface Client {
  /** Whether the client may relay or is authenticated (RELAYCLIENT, `{auth_authen}` in a milter). */
  readonly mayRelay: boolean
  /** Whether the client is a host of the cluster by its address (CLUSTERPEER). */
  readonly isClusterPeer: boolean
  /**
   * Whether the client is the MTA itself with a bounce, which it would try again indefinitely if it were
   * refused (qmail-send's uid).
   */
  readonly isBounceInjector: boolean
  /** Where the message comes from, for rules, plugins and replies. */
  readonly origin?: Origin
}

/** A message that was received to its end, with its envelope and its client. */
export interface Transaction {
  readonly message: Message
  /**
   * The message as it may be instead, if the door cannot know which of both it is: whatever is found in one of
   * them counts. No stamp vouches for `message` then.
   */
  readonly alternative?: Message
  readonly envelope: Envelope
  readonly client: Client
}
