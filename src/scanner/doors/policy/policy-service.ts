import type { Socket } from 'node:net'
import { errorText } from '../../../base/errors/fault.ts'
import { readUptime } from '../../../base/flow/uptime.ts'
import { longestSilent } from '../../../base/protocol/connection/idle.ts'
import {
  AttributeReader,
  type Attributes,
  writeAttributes,
} from '../../../base/protocol/policy-attributes.ts'
import { readAddress } from '../../../base/text/address.ts'
import { deferIfFull } from '../../handling/recipients/refuse-recipient.ts'
import { isQuotaChecked } from '../../scan/judge/over-quota.ts'
import type { QuotaLookup } from '../../scan/quota/quota-lookup.ts'
import { type Door, serve } from '../../serving/serve.ts'
import { Wire, type WireHost } from '../../serving/wire.ts'

/** Milliseconds between two checks of what is due. */
const TICK = 1000
/** Milliseconds for a client to accept its last answer. */
const LAST_ANSWER_TIMEOUT = 5_000

/** The settings and services for answering requests. */
export interface PolicyServices {
  /** Undefined if QUOTAD is not set. */
  readonly quota: Omit<QuotaLookup, 'timeout'> | undefined
  /** Returns whether all mail passes without a check (`onescan disable`). */
  readonly isOff: () => boolean | Promise<boolean>
  /** Takes a line of onescan-log(5) about a recipient whose mailbox is not known to have room. */
  readonly log: (line: Buffer) => void
}

export interface PolicyDoorOptions {
  /**
   * Maximum number of connections. If one more arrives, the one that has been idle longest is closed. If none
   * is idle, the new one waits.
   */
  readonly maxConnections: number
  /** Maximum number of sockets, including those of connections that are closing. Further connections wait. */
  readonly maxSockets?: number
  /** Logs trouble that concerns no message. */
  readonly log: (line: string) => void
}

/** Returns the door for Postfix's policy delegation (SMTPD_POLICY_README). */
export function createPolicyDoor(
  first: PolicyServices,
  { maxConnections, maxSockets, log }: PolicyDoorOptions,
): Door<PolicyServices> {
  let services = first // each request is answered by those of its moment
  return serve<Wire, PolicyServices>({
    configure(next) {
      services = next
    },
    every: TICK,
    maxConnections,
    maxSockets,
    log: (reason) => log(`policy service: ${reason}`),
    memory: () => 0,
    makeRoom(connections) {
      const oldest = longestSilent(connections)
      oldest?.dismiss() // Postfix repeats the request on a new one
      return oldest !== undefined
    },
    accept({ socket }, _, closed) {
      return servePolicyClient(socket, {
        services: () => services,
        log,
        leaving: LAST_ANSWER_TIMEOUT,
        uptime: readUptime,
        closed,
      })
    },
  })
}

/** The services that the door provides for the connection of a client. */
interface PolicyHost extends WireHost {
  /** Returns the services of this moment. */
  services(): PolicyServices
}

const neverLate = () => undefined // Postfix keeps its connections open

/**
 * Answers the requests of a client, one after the other. A client that has closed its side may still wait for
 * answers.
 */
function servePolicyClient(socket: Socket, host: PolicyHost): Wire {
  const reader = new AttributeReader()
  const requests: Attributes[] = []
  const wire = new Wire(
    socket,
    {
      push: (chunk) => void requests.push(...reader.push(chunk)),
      get isFull() {
        return requests.length > 0
      },
    },
    host,
  )
  void wire.converse(async () => {
    try {
      for (;;) {
        const request = await wire.read(() => requests.shift(), neverLate, true)
        if (request === undefined) return
        wire.send(writeAttributes({ action: await actionFor(request, host.services()) }))
      }
    } catch (error) {
      host.log(`policy service: ${errorText(error)}; closed the connection`)
    }
  })
  return wire
}

/**
 * Resolves to the action that answers a request: a deferral if the mailbox is known to be full, and DUNNO
 * otherwise. Never OK, which would skip the later restrictions, and never an empty action, for which Postfix
 * would defer the mail (SMTPD_POLICY_README).
 */
async function actionFor(
  request: Attributes,
  { quota, isOff, log }: PolicyServices,
): Promise<string> {
  const recipient = request.get('recipient')
  if (quota === undefined || request.get('protocol_state') !== 'RCPT' || !recipient) return 'DUNNO'
  const mayRelay = (request.get('sasl_username') ?? '') !== ''
  if (!isQuotaChecked({ mayRelay, isBounceInjector: false }, quota)) return 'DUNNO'
  if (await isOff()) return 'DUNNO'
  const address = readAddress(recipient) // as Postfix understands it, without quotes
  const mail = { sender: readAddress(request.get('sender') ?? ''), size: sizeAttribute(request) }
  const clientAddress = request.get('client_address')
  const origin = { interface: 'policy', clientAddress }
  const deferral = await deferIfFull(address, mail, { quota, log }, origin)
  if (deferral === undefined) return 'DUNNO'
  return `${deferral.code} ${deferral.enhanced} ${deferral.lines.join(' ')}`
}

/** Returns the size that the client announced with MAIL, or undefined if it announced none. */
function sizeAttribute(request: Attributes): number | undefined {
  const size = request.get('size') ?? ''
  return /^[0-9]{1,15}$/.test(size) ? Number(size) || undefined : undefined
}
