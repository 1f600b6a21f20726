import { WireError } from '../../../base/protocol/connection/wire-error.ts'
import { uint32 } from '../frames.ts'
import { packet, strings } from './packets.ts'

/**
 * The edits that a filter may make at the end of a message: bits of the negotiation (libmilter,
 * mfapi.h SMFIF_).
 */
export const action = {
  addFields: 0x01,
  changeBody: 0x02,
  addRecipients: 0x04,
  deleteRecipients: 0x08,
  /** Change and delete fields. */
  changeFields: 0x10,
  quarantine: 0x20,
  changeSender: 0x40,
  addRecipientsWithParameters: 0x80,
  /** The filter may name the macros that it needs. */
  requestMacros: 0x100,
} as const

/**
 * The steps of the protocol that the MTA and the filter may skip: bits of the negotiation (mfdef.h SMFIP_).
 */
export const step = {
  skipConnect: 0x1,
  skipHelo: 0x2,
  skipMail: 0x4,
  skipRecipient: 0x8,
  skipBody: 0x10,
  skipHeader: 0x20,
  skipEndOfHeader: 0x40,
  noReplyToHeader: 0x80,
  skipUnknown: 0x100,
  skipData: 0x200,
  /** The filter may answer a chunk of the body by "no more of them". */
  maySkipRest: 0x400,
  /** The MTA also sends recipients that it refuses itself. */
  refusedRecipients: 0x800,
  noReplyToConnect: 0x1000,
  noReplyToHelo: 0x2000,
  noReplyToMail: 0x4000,
  noReplyToRecipient: 0x8000,
  noReplyToData: 0x10000,
  noReplyToUnknown: 0x20000,
  noReplyToEndOfHeader: 0x40000,
  noReplyToBody: 0x80000,
  /** Values of fields include the space after the colon, in both directions. */
  leadingSpace: 0x100000,
} as const

/** The steps of version 2, and the actions introduced with version 6, like most other steps. */
const STEPS_OF_VERSION_2 = 0x7f
const ACTIONS_OF_VERSION_6 =
  action.changeSender | action.addRecipientsWithParameters | action.requestMacros
/** The actions of version 6 that Stalwart offers. Postfix with milter_protocol=2 offers all three. */
const ACTIONS_OF_STALWART = action.changeSender | action.addRecipientsWithParameters

/** Bits of the same number by which an MTA and libmilter agree on sizes of data. */
const NOT_STEPS = 0x70000000

const VERSION_MIN = 2
const VERSION_MAX = 6

/** The stages for which a filter can request macros (mfapi.h SMFIM_). */
export const macroStage = {
  connect: 0,
  helo: 1,
  mail: 2,
  recipient: 3,
  data: 4,
  endOfMessage: 5,
  endOfHeader: 6,
} as const

/**
 * The capabilities that an MTA offers, with unknown bits, or those that it and the filter agree on: no bit
 * that was not offered.
 */
export interface Capabilities {
  readonly version: number
  readonly actions: number
  readonly steps: number
}

/** The capabilities that an MTA and the filter agree on. */
export interface Agreement extends Capabilities {
  /**
   * Whether the MTA offers actions of version 6, but no requests for macros, and no step newer than version
   * 2. Stalwart does so, and no MTA that follows libmilter. Such an MTA differs in these points:
   *
   * - It sends all recipients after the message has arrived, so a refused recipient ends the message for all
   *   of them.
   * - It delivers mail that the filter asks it to hold.
   * - It puts an added field on top, with line ends as it receives them.
   * - For any other edit it rewrites the whole header, without lines that are not fields.
   */
  readonly lacksSteps: boolean
}

export interface NegotiationRequest {
  /** The actions without which the filter cannot work. */
  readonly neededActions: number
  readonly wantedActions: number
  readonly wantedSteps: number
  /** The macros that it requests by stage, if the MTA permits that. */
  readonly macros: readonly (readonly [
    stage: (typeof macroStage)[keyof typeof macroStage],
    names: readonly string[],
  ])[]
}

export function parseOffer(data: Buffer): Capabilities {
  if (data.length < 12) throw new WireError(`a negotiation of ${data.length} bytes`)
  return {
    version: data.readUInt32BE(0),
    actions: data.readUInt32BE(4),
    steps: data.readUInt32BE(8),
  }
}

/**
 * Returns as much of the request as is offered. Throws a WireError if the MTA speaks too old a
 * version or does not offer an action that is needed.
 */
export function agree(offer: Capabilities, request: NegotiationRequest): Agreement {
  if (offer.version < VERSION_MIN) {
    throw new WireError(`version ${offer.version} of the protocol; ${VERSION_MIN} is the oldest`)
  }
  const missing = request.neededActions & ~offer.actions
  if (missing !== 0) {
    const names = Object.entries(action).filter(([, bit]) => missing & bit)
    throw new WireError(`the MTA does not offer ${names.map(([name]) => name).join(', ')}`)
  }
  const macros = request.macros.length > 0 ? action.requestMacros : 0
  const steps = offer.steps & ~NOT_STEPS
  const hasActions = (offer.actions & ACTIONS_OF_VERSION_6) === ACTIONS_OF_STALWART
  const lacksSteps = hasActions && (steps & ~STEPS_OF_VERSION_2) === 0
  const mayAsk = lacksSteps ? ~action.quarantine : ~0
  return {
    version: Math.min(VERSION_MAX, offer.version),
    actions: (request.neededActions | request.wantedActions | macros) & offer.actions & mayAsk,
    steps: request.wantedSteps & steps,
    lacksSteps,
  }
}

/** The capabilities of an MTA that offers all that milters may request. */
export const everyCapability: Capabilities = {
  version: VERSION_MAX,
  actions: allOf(action),
  steps: allOf(step),
}

function allOf(bits: Readonly<Record<string, number>>): number {
  return Object.values(bits).reduce((some, bit) => some | bit)
}

/** Returns the packet by which an MTA makes an offer, or a filter answers one. */
export function encodeNegotiation(
  { version, actions, steps }: Capabilities,
  macros: NegotiationRequest['macros'] = [],
): Buffer {
  const lists =
    actions & action.requestMacros
      ? macros.flatMap(([stage, names]) => [uint32(stage), strings(names.join(' '))])
      : []
  return packet('O', uint32(version), uint32(actions), uint32(steps), ...lists)
}
