import { parseArgs } from 'node:util'
import { type Network, parseNetwork } from '../net/address.ts'
import { wholeNumber } from '../settings/settings.ts'

/** onescan-quotad(8), OPTIONS. */
export interface Options {
  /** Undefined: not by that protocol. */
  readonly udp: ListenAddress | undefined
  readonly http: ListenAddress | undefined
  /** Beside the host itself. */
  readonly networks: readonly Network[]
  /** Who it becomes when it was started by root. */
  readonly user: string | undefined
  /** HTTP connections at once. */
  readonly maxClients: number
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
  readonly text: string
}

const STANDARD = '127.0.0.1:8625'

export const usage = `usage: onescan-quotad [--udp ADDRESS:PORT|none] [--http ADDRESS:PORT|none]
                      [--allow NETWORK]... [--user NAME] [--max-clients N]
`

/** Throws an Error whose message says what is wrong with the words. */
export function readOptions(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      udp: { type: 'string', default: STANDARD },
      http: { type: 'string', default: STANDARD },
      allow: { type: 'string', multiple: true, default: [] },
      user: { type: 'string' },
      'max-clients': { type: 'string' },
    },
  })
  const [udp, http] = [readPlace('--udp', values.udp), readPlace('--http', values.http)]
  if (!udp && !http) throw new Error('--udp none --http none: nobody could ask; leave one out')
  return {
    udp,
    http,
    user: values.user,
    networks: values.allow.map(readNetwork),
    maxClients: wholeNumber({ '--max-clients': values['max-clients'] }, '--max-clients', 200, {
      min: 1,
      max: 10_000,
    }),
  }
}

function readPlace(name: string, text: string): ListenAddress | undefined {
  if (text === 'none') return undefined
  const [, v6, v4, digits] = /^(?:\[([\da-f:.]+)\]|([\d.]+)):(\d{1,5})$/i.exec(text) ?? []
  const host = v6 ?? v4 ?? ''
  const port = Number(digits)
  if (parseNetwork(host)?.address && port <= 65_535) return { host, port, text }
  throw new Error(
    `${name} ${text}: must be ADDRESS:PORT, with an IPv6 address in brackets, or none`,
  )
}

function readNetwork(text: string): Network {
  const network = parseNetwork(text)
  if (network) return network
  throw new Error(`--allow ${text}: must be a network such as 192.0.2.0/24 or 2001:db8::/32`)
}
