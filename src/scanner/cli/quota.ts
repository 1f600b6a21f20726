import { Fault } from '../../base/errors/fault.ts'
import type { QuotaAnswer } from '../../base/protocol/quota/quota-answer.ts'
import { readAddress } from '../../base/text/address.ts'
import { byteSize } from '../../base/text/values.ts'
import { DEFAULTS, settingsOfOnescand } from '../configuration/settings-of-onescand.ts'
import { openQuotaClient } from '../scan/quota/quota-client.ts'
import type { ExplainedAnswer } from '../scan/quota/quota-lookup.ts'
import { readQuotaSettings } from '../scan/quota/quota-settings.ts'
import { printsJson, textOption } from './command/cli-options.ts'
import { FAILED, makeCommand } from './command/run-command.ts'
import { addEnvironmentOptions, slotEnvironment } from './host/slot-environment.ts'

/** Exit codes: room, over quota, unknown, no such user. */
const exitCodes = {
  room: 0,
  full: 1,
  unknown: FAILED,
  'no-such-user': 3,
} as const satisfies Record<QuotaAnswer['status'], number>

/** `onescan quota`: prints the quota service's answer about a mailbox. */
export const quotaCommand = makeCommand('quota', {
  command: 'quota <mailbox>',
  describe: 'Report whether a mailbox has space, and by which service',
  builder: (yargs) =>
    addEnvironmentOptions(yargs)
      .positional('mailbox', {
        type: 'string',
        demandOption: true,
        describe: 'A user or an address',
      })
      .option('size', textOption('Size of the message: bytes, with K, M or G'))
      .option('json', printsJson)
      .example(
        '$0 quota ann@example.org',
        "Query the service in QUOTAD, here or in onescand's settings",
      )
      .example('$0 quota ann --env QUOTAD=quotad:10.0.0.2:8625', 'Query that service')
      .epilogue('Exit codes: 0 there is space; 1 over quota; 2 unknown; 3 no such user.'),
  async work(args, output) {
    const named = slotEnvironment(process.env, args)
    const env = named.QUOTAD ? named : { ...settingsOfOnescand(), ...named }
    const settings = readQuotaSettings(env)
    if (settings === undefined) {
      const remedy = `set it in ${DEFAULTS}, or add --env QUOTAD=SERVICE`
      throw new Fault('config', `QUOTAD is not set; ${remedy}`)
    }
    const mailbox = readAddress(Buffer.from(args.mailbox))
    const client = openQuotaClient(settings, () => {})
    try {
      const explained = await client.explain(mailbox, byteSize(args.size, '--size', 0))
      const { answer, mailbox: found, source } = explained
      const reason = answer.status === 'unknown' ? answer.reason : undefined
      const usage = 'usage' in answer ? answer.usage : {}
      const result = { answer: answer.status, reason, found, source, ...usage }
      await output.result({ mailbox: args.mailbox, ...result })
      output.text(`${describeAnswer(explained)}\n`)
      return exitCodes[answer.status]
    } finally {
      client.close()
    }
  },
})

const words = {
  room: 'there is space',
  full: 'over quota',
  'no-such-user': 'no such user',
  unknown: 'unknown',
} as const satisfies Record<QuotaAnswer['status'], string>

/** The answer in one line for people. */
function describeAnswer({ answer, mailbox, source }: ExplainedAnswer): string {
  const parts: string[] = [words[answer.status]]
  if (answer.status === 'unknown') parts.push(answer.reason)
  if ('usage' in answer && answer.usage !== undefined) {
    const { size, quota } = answer.usage
    const percent = quota === undefined ? '' : ` (${Math.round((100 * size) / quota)} %)`
    parts.push(`${size} of ${quota ?? 'unlimited'} bytes${percent}`)
  }
  if (mailbox !== undefined) parts.push(`as mailbox ${mailbox}`)
  if (source !== undefined) parts.push(`according to ${source}`)
  return parts.join(', ')
}
