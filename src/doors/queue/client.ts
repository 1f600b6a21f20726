import { readFileSync } from 'node:fs'
import { type Environment, isSet } from '../../settings/settings.ts'
import { type Client, clientNameOf } from '../../transaction.ts'

/** What tcp.smtp rules and qmail-smtpd say about who sends, by the environment. */
export function readClient(env: Environment): Client {
  return {
    relay: isSet(env, 'RELAYCLIENT'),
    clusterPeer: isSet(env, 'CLUSTERPEER'),
    bounceInjector: ownsThisProcess(env.BOUNCEUSER || 'qmails'),
    origin: {
      door: 'slot',
      clientAddress: env.TCPREMOTEIP || undefined,
      clientName: clientNameOf(env.TCPREMOTEHOST),
    },
  }
}

/** Whether this process runs as the local user of that name (passwd(5)): qmail-send's bounces do. */
function ownsThisProcess(user: string): boolean {
  try {
    const line = readFileSync('/etc/passwd', 'latin1')
      .split('\n')
      .find((entry) => entry.startsWith(`${user}:`))
    return line !== undefined && Number(line.split(':')[2]) === process.getuid?.()
  } catch {
    return false
  }
}
