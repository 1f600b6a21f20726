import type { MilterCommand } from '../../protocol/milter/milter-commands.ts'
import {
  action,
  type Capabilities,
  macroStage,
  type NegotiationRequest,
  step,
} from '../../protocol/milter/milter-offer.ts'

/** Steps to which this filter would always answer "go on", so that the MTA need not wait. */
const stepsWithoutReply =
  step.noReplyToConnect |
  step.noReplyToHelo |
  step.noReplyToMail |
  step.noReplyToUnknown |
  step.noReplyToHeader |
  step.noReplyToEndOfHeader |
  step.noReplyToBody

const noReplyBits: Readonly<Partial<Record<MilterCommand['kind'], number>>> = {
  connect: step.noReplyToConnect,
  helo: step.noReplyToHelo,
  mail: step.noReplyToMail,
  recipient: step.noReplyToRecipient,
  data: step.noReplyToData,
  field: step.noReplyToHeader,
  'end-of-header': step.noReplyToEndOfHeader,
  body: step.noReplyToBody,
  'unknown-smtp': step.noReplyToUnknown,
}

/**
 * Returns the options that this filter requests from an MTA. It asks to answer RCPT only if it `mayRefuse`
 * recipients. `isLocal`: the MTA is on this host and uses a unix socket.
 */
export function optionsToRequest(mayRefuse: boolean, isLocal: boolean): NegotiationRequest {
  return {
    neededActions: action.addFields, // needed for every message; only messages that need one of the others are affected by its absence
    wantedActions:
      action.changeFields | action.addRecipients | action.deleteRecipients | action.quarantine,
    wantedSteps:
      stepsWithoutReply |
      (mayRefuse ? 0 : step.noReplyToRecipient) |
      (isLocal ? step.skipData : 0) |
      step.skipUnknown |
      step.skipEndOfHeader |
      step.leadingSpace,
    macros: [
      [macroStage.connect, []],
      [macroStage.helo, []],
      [macroStage.mail, ['i', '{auth_authen}']],
      [macroStage.recipient, ['i', '{rcpt_addr}']],
      [macroStage.data, []],
      [macroStage.endOfMessage, ['i']],
      [macroStage.endOfHeader, []],
    ],
  }
}

/** Returns whether the MTA waits for an answer to commands of that kind. */
export function isAnswered(
  kind: MilterCommand['kind'],
  { steps }: Pick<Capabilities, 'steps'>,
): boolean {
  return (steps & (noReplyBits[kind] ?? 0)) === 0
}
