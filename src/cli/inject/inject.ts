import { createReadStream, realpathSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs'
import { inheritedDescriptor, openForeignFileOrPipe } from '../../ground/path/read.ts'
import { splitWords } from '../../ground/settings/settings.ts'
import { installedQueue } from '../shared/installed-queue.ts'
import { mustRunOwn } from '../shared/must-run-own.ts'
import { runCommand } from '../shared/run-command.ts'
import { assignments } from '../shared/slot-environment.ts'
import { callSlot } from './call-slot.ts'
import { type ChainProbe, makeChainProbe } from './chain-probe.ts'
import type { ByteSource } from './hand-over.ts'
import { type Injection, reportJson, reportText } from './report.ts'
import { type Caller, callers, replyToClient } from './smtp-reply.ts'

interface InjectOptions {
  file: string
  from: string
  to: string[]
  program: string | undefined
  env: string[]
  as: Caller
  dryRun: boolean
  headers: boolean
  json: boolean
}

const REFUSED = 1
const DEFAULT_CHAIN = '/var/qmail/bin/qmail-queue'

/**
 * `onescan inject`: calls a slot program as qmail-smtpd does and shows what a client would see. The
 * exit code is 0 if the message was accepted, 1 if it was refused or deferred, 2 if the command
 * could not be carried out.
 */
export const injectCommand: CommandModule<object, InjectOptions> = {
  command: 'inject <file>',
  describe: 'Call a slot program as qmail-smtpd does, and show the reply',
  builder: options,
  handler: (args) =>
    runCommand('inject', args, async (output) => {
      const injection = await inject(args)
      output.text(reportText(injection))
      await output.result(reportJson(injection))
      return injection.reply.startsWith('250 ') ? 0 : REFUSED
    }),
}

function options(yargs: Argv<object>): Argv<InjectOptions> {
  return yargs
    .positional('file', {
      type: 'string',
      demandOption: true,
      // yargs turns a lone `-` into '', and refuses an empty argument by itself.
      coerce: (file: string) => file || '-',
      describe: 'The message; - reads standard input',
    })
    .option('from', {
      type: 'string',
      demandOption: true,
      requiresArg: true,
      describe: 'Envelope sender; <> for a bounce',
    })
    .option('to', {
      type: 'string',
      array: true,
      nargs: 1,
      demandOption: true,
      describe: 'Envelope recipient; repeat it for more',
    })
    .option('program', {
      type: 'string',
      requiresArg: true,
      describe: 'The slot program [default: the onescan-queue that belongs to this onescan]',
    })
    .option('env', {
      type: 'string',
      array: true,
      nargs: 1,
      default: [],
      describe: "KEY=VALUE for the slot's environment, added to this command's own; repeat it",
    })
    .option('as', {
      choices: callers,
      default: 'notqmail' as Caller,
      describe: 'Act as the qmail-smtpd of: its error pipe, its directory, its replies',
    })
    .option('dry-run', {
      type: 'boolean',
      default: false,
      describe: 'Drop the message instead of giving it to qmail-queue',
    })
    .option('headers', {
      type: 'boolean',
      default: true,
      describe: 'Show the new header fields; --no-headers puts no program behind the slot',
    })
    .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
    .example(
      'envdir /service/smtpd/env $0 inject mail.eml --from a@example.org --to b@example.org --dry-run',
      'As the SMTP service would, without delivering',
    )
    .epilogue(
      'Exit codes: 0 the message was accepted; 1 it was refused or deferred; ' +
        '2 it could not be sent.',
    ) as unknown as Argv<InjectOptions>
}

async function inject(args: ArgumentsCamelCase<InjectOptions>): Promise<Injection> {
  const program = args.program === undefined ? installedQueue() : resolve(args.program)
  if (args.program !== undefined) mustRunOwn([program])
  if (args.dryRun && !basename(realpathSync(program)).startsWith('onescan')) {
    throw new Error(`--dry-run: ${program} may not ask QUEUECHAIN and deliver; use onescan-queue`)
  }
  // PROTO as tcpserver(1) sets it: standard error is the log.
  const environment: Record<string, string | undefined> = {
    PROTO: 'TCP',
    ...process.env,
    ...assignments(args.env),
  }
  const probe = probeFor(args, environment)
  if (probe) environment.QUEUECHAIN = probe.chain
  try {
    const outcome = await callSlot({
      program: [program],
      message: open(args.file),
      envelope: envelopeBytes(args.from, args.to),
      environment,
      ...callerOptions(args.as, environment),
    })
    return {
      reply: replyToClient(outcome, args.as, Date.now()),
      program,
      dryRun: args.dryRun,
      outcome,
      chainInput: probe?.chainInput(),
    }
  } finally {
    probe?.remove()
  }
}

function probeFor(
  args: InjectOptions,
  environment: Record<string, string | undefined>,
): ChainProbe | undefined {
  if (args.dryRun) return makeChainProbe(undefined)
  if (!args.headers) return undefined
  const words = splitWords(environment.QUEUECHAIN ?? '', 'QUEUECHAIN')
  return makeChainProbe(words.length > 0 ? words : [DEFAULT_CHAIN])
}

/** The error pipe and directory with which this caller calls the slot; qmail.c, qmail_open(). */
function callerOptions(
  as: Caller,
  environment: Record<string, string | undefined>,
): { errorFd?: 2 | 4 | 6; directory?: string } {
  if (as === 'netqmail') return {}
  if (as === 'notqmail') return { errorFd: 6 }
  const errorFd = Number(environment.ERROR_FD || 2)
  return {
    directory: '/',
    ...(errorFd === 2 || errorFd === 4 || errorFd === 6 ? { errorFd } : {}),
  }
}

function open(file: string): ByteSource {
  if (file === '-') return process.stdin
  const fd = inheritedDescriptor(file) ?? openForeignFileOrPipe(file).fd
  return createReadStream(file, { fd })
}

/** The bytes of the envelope. Addresses are not checked: the slot decides which it takes. */
function envelopeBytes(from: string, to: readonly string[]): Buffer {
  const sender = from === '<>' ? '' : from
  return Buffer.from(`F${sender}\0${to.map((recipient) => `T${recipient}\0`).join('')}\0`)
}
