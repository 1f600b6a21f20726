import type { Envelope, Origin } from '../../../../mail/message/envelope.ts'
import type { Header } from '../../../../mail/message/header-block.ts'
import type { Message } from '../../../../mail/message/message.ts'

/** The client, as far as the door knows it. */
export interface Client {
  /** Whether the client may relay or is authenticated (RELAYCLIENT, `{auth_authen}` in a milter). */
  readonly mayRelay: boolean
  /** Whether the client is a host of the cluster by its address (CLUSTERPEER). */
  readonly isClusterPeer: boolean
  /**
   * Whether the client is the MTA itself with a bounce, which it would retry indefinitely if it were refused
   * (qmail-send's uid).
   */
  readonly isBounceInjector: boolean
  /**
   * Whether the mail is in a queue already (--after-queue). The server in front would return a refused message to
   * its sender, who is likely forged (FILTER_README). So a virus that would be refused is tagged.
   */
  readonly isQueued?: boolean
  /** The origin of the message, for rules, plugins and replies. */
  readonly origin?: Origin
}

/** A message that was received to its end, with its envelope and its client. */
export interface Transaction {
  readonly message: Message
  /**
   * An alternative reading of the message, if the door cannot know which one the recipient sees: a
   * finding in either counts. A stamp is not trusted for `message` then.
   */
  readonly alternative?: Message
  readonly envelope: Envelope
  readonly client: Client
  /** A remark of the door for the log. */
  readonly remark?: string | undefined
}

/** A transaction, and the header of its message without the fields that are removed. */
export interface JudgedMail extends Transaction {
  readonly outgoing: Header
}
