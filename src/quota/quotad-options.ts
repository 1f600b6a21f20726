import { Fault } from '../base/errors/fault.ts'
import { type Endpoint, parseEndpoint } from '../base/net/endpoint.ts'
import { isLoopback, Network, parseIpAddress } from '../base/net/ip-address.ts'
import { readByTable } from '../base/process/parse-options.ts'
import { requireSystem } from '../base/runtime/system.ts'
import { activatedDescriptors } from '../base/systemd/sd-daemon.ts'
import { wholeNumber } from '../base/text/values.ts'

export type ServiceOptions = Readonly<ReturnType<typeof readOptions>>

/** The address of a protocol, or a socket that systemd has bound already. */
export type ServiceEndpoint = (Endpoint | { readonly fd: number; readonly family: 4 | 6 }) & {
  /** Its name in error messages. */
  readonly text: string
}

const DEFAULT_ADDRESS = '127.0.0.1:8625'

/** The defaults of options, as documented in onescan-quotad(8). */
export const optionDefaults = {
  udp: DEFAULT_ADDRESS,
  http: DEFAULT_ADDRESS,
  'max-clients': 200,
} as const

export const usage = `usage: onescan-quotad [--udp ADDRESS:PORT|none] [--http ADDRESS:PORT|none]
                      [--allow NETWORK]... [--max-clients NUMBER]
       onescan-quotad --check [OPTION]...
       onescan-quotad --help|--version
`

const known = {
  udp: { type: 'string', default: optionDefaults.udp, read: parsePlace },
  http: { type: 'string', default: optionDefaults.http, read: parsePlace },
  allow: { type: 'string', multiple: true, read: parseNetwork },
  'max-clients': { type: 'string', default: `${optionDefaults['max-clients']}`, read: readClients },
  check: { type: 'boolean' }, // main has looked for it already
  json: { type: 'boolean' }, // for onescan check
} as const

/** Reads the command line. Throws an AggregateFault with everything that is wrong in it. */
export function readOptions(args: readonly string[]) {
  return readByTable(args, known, ({ udp, http, allow, 'max-clients': maxClients }, _, faults) => {
    if (udp === undefined && http === undefined && faults.lines.length === 0)
      faults.lines.push('--udp none --http none: no client could connect; remove one of them')
    return {
      /** The address on which each protocol is served, or undefined if it is not. */
      udp,
      http,
      /** Returns whether the client with this IP address has permission. */
      mayAsk: (address: string) => mayAsk(address, allow),
      /** Upper limit for concurrent HTTP connections. */
      maxClients,
    }
  })
}

function readClients(text: string, name: string): number {
  return wholeNumber(text, name, 1, { min: 1, max: 10_000 })
}

function parsePlace(text: string, name: string): ServiceEndpoint | undefined {
  if (text === 'none') return undefined
  const place = parseEndpoint(text, { leastPort: 0 })
  if (place && parseIpAddress(place.host)) return { ...place, text }
  throw new Error(
    `${name} ${text}: must be ADDRESS:PORT, with an IPv6 address in brackets, or none`,
  )
}

function parseNetwork(text: string): Network {
  const network = Network.parse(text)
  if (network) return network
  throw new Error(`--allow ${text}: must be a network such as 192.0.2.0/24 or 2001:db8::/32`)
}

/**
 * Allows these networks and the host itself. A client that has an IPv4 address in IPv6 form is
 * compared by its IPv4 address.
 */
function mayAsk(client: string, networks: readonly Network[]): boolean {
  const address = parseIpAddress(client)
  if (address === undefined) return false
  return isLoopback(address) || networks.some((network) => network.has(address))
}

/** The name of the socket for root's requests: FileDescriptorName= of onescan-quotad-check.socket. */
const FOR_ROOT = 'check'

/** The sockets that systemd has made for this process. */
interface ActivatedSockets extends Readonly<Record<'udp' | 'http', readonly ServiceEndpoint[]>> {
  /** The sockets on which this process reports its check lines to root. */
  readonly forRoot: readonly number[]
}

/**
 * Returns the sockets that systemd has made for this process, sd_listen_fds(3): datagram sockets serve UDP,
 * stream sockets HTTP, and one that is called `check` serves root. Returns undefined if there are none.
 * Throws a Fault of kind `config` if one of them is of another kind.
 */
export function activatedSockets(env: NodeJS.ProcessEnv): ActivatedSockets | undefined {
  const fds = activatedDescriptors(env)
  if (fds.length === 0) return undefined
  const system = requireSystem(
    `LISTEN_FDS ${fds.length}: not supported with these options; use --udp and --http without a socket unit`,
  )
  const { LISTEN_FDNAMES = '' } = env
  const names = LISTEN_FDNAMES.split(':')
  const forRoot = fds.filter((_, index) => names[index] === FOR_ROOT)
  const udp: ServiceEndpoint[] = []
  const http: ServiceEndpoint[] = []
  for (const fd of fds.filter((descriptor) => !forRoot.includes(descriptor))) {
    const text = `descriptor ${fd}`
    const kind = system.socketKind(fd)
    if (kind === undefined) {
      throw new Fault('config', `${text}: is not a UDP or TCP socket; see ListenDatagram=`)
    }
    const list = kind.type === 'datagram' ? udp : http
    list.push({ fd, family: kind.family, text })
  }
  return { udp, http, forRoot }
}
