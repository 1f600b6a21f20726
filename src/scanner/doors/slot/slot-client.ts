import { attempt } from '../../../base/errors/fault.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { passwdEntryOf } from '../../../base/process/passwd.ts'
import { readSetting } from '../../../base/settings/read-settings.ts'
import { clientNameOf, type Origin } from '../../../mail/message/envelope.ts'
import type { Client } from '../../scan/judge/context/transaction.ts'

/** A client of onescan-queue, whose address is known if a server received the mail from the network. */
export interface SlotClient extends Client {
  readonly origin: Origin
}

/**
 * Returns the client that tcp.smtp rules and qmail-smtpd describe in the environment. `uid` is the user of
 * the process that submits the mail, and `bounceUser` that of BOUNCEUSER. RELAYCLIENT and CLUSTERPEER apply
 * even if they are empty. Any other empty variable of qmail-smtpd is ignored.
 */
export function readSlotClient(
  env: Environment,
  uid: number | undefined,
  bounceUser: number | undefined,
): SlotClient {
  return {
    mayRelay: env.RELAYCLIENT !== undefined,
    isClusterPeer: env.CLUSTERPEER !== undefined,
    isBounceInjector: uid !== undefined && uid === bounceUser,
    origin: {
      interface: 'qmail',
      clientAddress: env.TCPREMOTEIP || undefined,
      clientName: clientNameOf(env.TCPREMOTEHOST),
    },
  }
}

/**
 * Returns the user id under which qmail-send injects its bounces (BOUNCEUSER, passwd(5)), or undefined if
 * this host has no such user.
 */
export function bounceUserOf(env: Environment): number | undefined {
  return attempt(() => passwdEntryOf(readSetting(env, 'BOUNCEUSER'))?.uid)
}
