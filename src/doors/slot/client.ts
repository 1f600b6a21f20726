import { passwdEntryOf, readPasswd } from '../../ground/process/passwd.ts'
import { readText } from '../../ground/settings/read.ts'
import { type Environment, isSet } from '../../ground/settings/settings.ts'
import type { Client } from '../../judge/transaction.ts'
import { clientNameOf } from '../../message/envelope/origin.ts'

/** Reads what tcp.smtp rules and qmail-smtpd say about the client in the environment. */
export function readClient(env: Environment): Client {
  return {
    relay: isSet(env, 'RELAYCLIENT'),
    clusterPeer: isSet(env, 'CLUSTERPEER'),
    bounceInjector: ownsThisProcess(readText(env, 'BOUNCEUSER')),
    origin: {
      door: 'slot',
      clientAddress: env.TCPREMOTEIP || undefined,
      clientName: clientNameOf(env.TCPREMOTEHOST),
    },
  }
}

/**
 * Whether this process runs as the local user of that name (passwd(5)), as for a bounce of
 * qmail-send's.
 */
function ownsThisProcess(user: string): boolean {
  try {
    const entry = passwdEntryOf(user, readPasswd())
    return entry?.uid === process.getuid!()
  } catch {
    return false
  }
}
