import type { MilterServer } from './server.ts'
import type { Command } from './wire/commands.ts'
import { type Agreement, action, macroStage, step, type Wish } from './wire/negotiation.ts'

/**
 * Steps whose answer could only be "go on", so that the MTA need not wait for it. Not DATA:
 * over TCP Postfix holds the content back until what it sent before is acknowledged (RFC 896),
 * and where no answer carries the acknowledgement Linux delays it by 40 ms.
 */
const quietly =
  step.noReplyToConnect |
  step.noReplyToHelo |
  step.noReplyToMail |
  step.noReplyToUnknown |
  step.noReplyToHeader |
  step.noReplyToEndOfHeader |
  step.noReplyToBody

const noReply: Readonly<Partial<Record<Command['kind'], number>>> = {
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

/** What is asked of an MTA; to answer RCPT only if there is an answer to give. */
export function wishOf({ quota }: Pick<MilterServer, 'quota'>): Wish {
  return {
    neededActions: action.addFields | action.changeFields,
    wantedActions: action.addRecipients | action.deleteRecipients | action.quarantine,
    wantedSteps:
      quietly |
      (quota === undefined ? step.noReplyToRecipient : 0) |
      step.skipUnknown |
      step.skipEndOfHeader |
      step.leadingSpace,
    macros: [
      [macroStage.mail, ['i', '{auth_authen}']],
      [macroStage.endOfMessage, ['i']],
    ],
  }
}

/** Whether the MTA waits for an answer to a command of that kind. */
export function isAnswered(kind: Command['kind'], { steps }: Pick<Agreement, 'steps'>): boolean {
  return (steps & (noReply[kind] ?? 0)) === 0
}
