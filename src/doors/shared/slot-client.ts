import { passwdEntryOf } from '../../lib/process/passwd.ts'
import { type Environment, readSetting } from '../../lib/settings/settings.ts'
import { clientNameOf, type Origin } from '../../mail/message/envelope/envelope.ts'
import type { Client } from '../../scan/judge/transaction.ts'

/** A client of the slot, whose address is known if a server took the mail from the network. */
export interface SlotClient extends Client {
  readonly origin: Origin
}

/**
 * Reads what tcp.smtp rules and qmail-smtpd say about the client in the environment. `uid` is the
 * user of the process that hands the mail in, and `bounceUser` that of BOUNCEUSER. RELAYCLIENT and
 * CLUSTERPEER count even if they are empty; any other empty variable of qmail-smtpd's counts as none.
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
      door: 'slot',
      clientAddress: env.TCPREMOTEIP || undefined,
      clientName: clientNameOf(env.TCPREMOTEHOST),
    },
  }
}

/**
 * Returns the user that qmail-send injects its bounces as (BOUNCEUSER, passwd(5)); undefined if
 * this host has none of that name.
 */
export function bounceUserOf(env: Environment): number | undefined {
  try {
    return passwdEntryOf(readSetting(env, 'BOUNCEUSER'))?.uid
  } catch {
    return undefined
  }
}
