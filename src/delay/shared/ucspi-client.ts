import { Fault } from '../../ground/errors/fault.ts'
import { type IpAddress, parseIpAddress } from '../../ground/net/ip-address.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { DELAY_MAX, parseSeconds } from './options.ts'

/** What the UCSPI server and its rules say about a connection. */
export interface UcspiClient {
  /** As it was told, for the log. */
  readonly ip: string
  readonly address: IpAddress
  /** TCPREMOTEHOST: looked up by the server, perhaps unconfirmed. */
  readonly name: string | undefined
  readonly relay: boolean
  /** SMTPDELAY, seconds. */
  readonly delay: number | undefined
  /** What RBLSMTPD already says. */
  readonly rbl: 'unset' | 'accepted' | 'refused'
}

/** Reads it from the environment. Throws a Fault if a variable makes no sense. */
export function readClient(env: Environment): UcspiClient {
  const ip = env.TCPREMOTEIP ?? ''
  const address = parseIpAddress(ip)
  if (!address) {
    throw new Fault(
      'config',
      ip === ''
        ? 'TCPREMOTEIP: is not set; run this under tcpserver'
        : `TCPREMOTEIP ${ip}: is not an address; tcpserver sets it`,
    )
  }
  return {
    ip,
    address,
    name: env.TCPREMOTEHOST || undefined,
    relay: env.RELAYCLIENT !== undefined,
    delay: readDelay(env.SMTPDELAY),
    rbl: env.RBLSMTPD === undefined ? 'unset' : env.RBLSMTPD === '' ? 'accepted' : 'refused',
  }
}

function readDelay(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  const seconds = parseSeconds(text)
  if (seconds === undefined) {
    throw new Fault(
      'config',
      `SMTPDELAY ${text}: is not a number of seconds from 0 to ${DELAY_MAX}`,
    )
  }
  return seconds
}
