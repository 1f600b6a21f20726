import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { leadsSomewhere } from '../../ground/path/walk.ts'
import { byteSize } from '../../ground/settings/settings.ts'
import { readAddress } from '../../message/envelope/address.ts'
import { printsJson, text } from '../shared/options.ts'
import { FAILED, type Output, runCommand } from '../shared/run-command.ts'
import {
  addEnvironmentOptions,
  type EnvironmentOptions,
  slotEnvironment,
} from '../shared/slot-environment.ts'
import { askOnescand, socketOfOnescand } from './ask-onescand.ts'
import { askService } from './ask-service.ts'
import { answerText, type ReportedAnswer } from './reported-answer.ts'

interface QuotaOptions extends EnvironmentOptions {
  mailbox: string
  size: string | undefined
  socket: string | undefined
  json: boolean
}

/** Exit codes: room, over quota, could not tell, no such user. */
const exitCodes = { room: 0, full: 1, unknown: FAILED, 'no-such-user': 3 } as const

/** `onescan quota`: says what doors hear about a mailbox, from which service, and since when. */
export const quotaCommand: CommandModule<object, QuotaOptions> = {
  command: 'quota <mailbox>',
  describe: 'Say whether a mailbox has room, which service says so, and since when',
  builder: (yargs) =>
    addEnvironmentOptions(yargs)
      .positional('mailbox', {
        type: 'string',
        demandOption: true,
        describe: 'A user or an address',
      })
      .option('size', text('Size of the message: bytes, with K, M or G'))
      .option(
        'socket',
        text('onescand --policy unix:PATH [default: QUOTASOCKET, or its usual place]'),
      )
      .option('json', printsJson)
      .example('$0 quota ann@example.org', 'Ask the service in QUOTAD, and onescand if it runs')
      .example('$0 quota ann --env QUOTAD=quotad:10.0.0.2:8625', 'Ask that service')
      .epilogue(
        'The service is asked now; onescand answers from the cache of one of its processes.\n\n' +
          'Exit codes: 0 there is room; 1 over quota; 2 could not tell; 3 no such user. ' +
          'The answer of the service counts, or else that of onescand.',
      ),
  handler: (args) => runCommand('quota', args, (output) => quota(args, output)),
}

async function quota(args: ArgumentsCamelCase<QuotaOptions>, output: Output): Promise<number> {
  const env = slotEnvironment(process.env, args)
  const question = {
    mailbox: readAddress(Buffer.from(args.mailbox)),
    size: byteSize({ '--size': args.size }, '--size', 0),
  }
  const socket = args.socket ?? socketOfOnescand(env)
  if (socket !== undefined) leadsSomewhere(socket) // else root may wait there
  const service = env.QUOTAD ? await askService(env, question) : undefined
  const onescand =
    socket === undefined ? undefined : await orCouldNotTell(askOnescand(socket, question))
  const answer = service ?? onescand
  if (answer === undefined) {
    throw new Fault('config', 'QUOTAD is not set, and no onescand --policy is here; set QUOTAD')
  }
  await output.result({ mailbox: args.mailbox, service, onescand })
  output.text(asText({ service, onescand }))
  return exitCodes[answer.answer]
}

function asText(answers: Readonly<Record<string, ReportedAnswer | undefined>>): string {
  return Object.entries(answers)
    .map(([who, answer]) => (answer ? `${who}: ${answerText(answer)}\n` : ''))
    .join('')
}

/** The answer of onescand. If it is down, the answer is *could not tell*. */
async function orCouldNotTell(answer: Promise<ReportedAnswer>): Promise<ReportedAnswer> {
  try {
    return await answer
  } catch (error) {
    return { answer: 'unknown', why: errorText(error) }
  }
}
