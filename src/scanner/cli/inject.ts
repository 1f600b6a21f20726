import { closeSync, existsSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, resolve } from 'node:path'
import type { Argv } from 'yargs'
import { attempt } from '../../base/errors/fault.ts'
import { readControlDirectories } from '../../base/settings/control-directories.ts'
import { readSetting } from '../../base/settings/read-settings.ts'
import { formatDuration } from '../../base/text/units.ts'
import { exitMeanings, isPermanent, slotExit } from '../doors/slot/exit-codes.ts'
import {
  handToSlot,
  installedQueue,
  QUEUE_TIMEOUT,
  type SlotResult,
} from '../doors/slot/hand-to-slot.ts'
import { findNextProgram } from '../doors/slot/next-program.ts'
import { TEST_NEXT_PROGRAM } from '../doors/slot/test-next-program.ts'
import { flag, printsJson, textOption, textOptions } from './command/cli-options.ts'
import { type Arguments, makeCommand } from './command/run-command.ts'
import { slotEnvironment } from './host/slot-environment.ts'
import { openMessageFile } from './mail/message-file.ts'

const REFUSED = 1

/**
 * `onescan inject`: passes a message to a qmail-queue program, and prints its exit code with its meaning. The
 * exit code is 0 if the message was accepted, 1 if it was refused or deferred, 2 if the command could not be
 * carried out.
 */
export const injectCommand = makeCommand('inject', {
  command: 'inject <file>',
  describe: 'Pass a message to a qmail-queue program, and show its exit code',
  builder: options,
  async work(args, output) {
    const injection = await inject(args)
    output.text(injectionText(injection))
    await output.result(injection)
    return injection.exitCode === slotExit.done ? 0 : REFUSED
  },
})

function options(yargs: Argv<object>) {
  return yargs
    .positional('file', {
      type: 'string',
      demandOption: true,
      // yargs turns a lone `-` into '', and itself refuses an empty argument.
      coerce: (file: string) => file || '-',
      describe: 'The message; - reads standard input',
    })
    .option('from', textOption('Envelope sender; <> for a bounce', { demandOption: true }))
    .option('to', textOptions('Envelope recipient; may be repeated', { demandOption: true }))
    .option(
      'program',
      textOption(
        'The qmail-queue program [default: the onescan-queue that belongs to this onescan]',
      ),
    )
    .option(
      'env',
      textOptions('A setting for the program, as KEY=VALUE; may be repeated', {
        default: [] as string[],
      }),
    )
    .option('dry-run', flag('Show the header of the message instead of passing it to qmail-queue'))
    .option('json', printsJson)
    .example(
      'envdir /service/qmail-smtpd/env $0 inject mail.eml --from a@example.org --to b@example.org --dry-run',
      'With the settings of the SMTP service, without delivering',
    )
    .epilogue(
      'Exit codes: 0 the message was accepted; 1 it was refused or deferred; ' +
        '2 it could not be sent.',
    )
}

/** Returns the answer of the slot. Each byte of a text is the character of the same number. */
async function inject(args: Arguments<typeof options>) {
  const { dryRun } = args
  const program = args.program === undefined ? installedQueue() : resolve(args.program)
  if (dryRun && !basename(realpathSync(program)).startsWith('onescan')) {
    throw new Error(`--dry-run: ${program} may ignore QUEUECHAIN and deliver; use onescan-queue`)
  }
  const environment: Record<string, string | undefined> = {
    PROTO: 'TCP', // as tcpserver(1) sets it: standard error is the log
    ...slotEnvironment(process.env, { env: args.env, envdir: undefined }),
    ...(dryRun ? { QUEUECHAIN: TEST_NEXT_PROGRAM } : {}),
    ERROR_FD: undefined,
  }
  const directories = readControlDirectories(environment)
  const nextProgram = attempt(() => findNextProgram([], environment, directories).program) ?? '/'
  const places = [...Object.values(directories), nextProgram, environment.TMPDIR || tmpdir()]
  for (const place of places) existsSync(place) // a hung file system keeps this process waiting, and not the slot
  const envelope = envelopeBytes(args.from, args.to)
  const { fd: message } = openMessageFile(args.file)
  try {
    const scan = attempt(() => readSetting(environment, 'SCANTIMEOUT') * 1000) ?? 0
    const timeout = scan + QUEUE_TIMEOUT
    const result = await handToSlot({ program: [program], message, envelope, environment, timeout })
    return {
      program,
      dryRun,
      exitCode: result.code, // null: a signal ended it
      signal: result.signal,
      meaning: meaningOf(result),
      milliseconds: result.time,
      log: linesOf(result.log),
      header: result.header === undefined ? null : linesOf(result.header), // as the next program got it in a dry run
    }
  } finally {
    closeSync(message)
  }
}

/**
 * Returns the bytes of the envelope. Addresses are not checked: the qmail-queue program decides which it
 * accepts.
 */
function envelopeBytes(from: string, to: readonly string[]): Buffer {
  const sender = from === '<>' ? '' : from
  return Buffer.from(`F${sender}\0${to.map((recipient) => `T${recipient}\0`).join('')}\0`)
}

/** The meaning of an exit code, by qmail-queue(8). */
function meaningOf({ code, signal }: Pick<SlotResult, 'code' | 'signal'>): string {
  if (code === null) return `The program was killed by ${signal}: the client will try again.`
  const fallback = isPermanent(code) ? 'Refused permanently.' : 'The client is asked to try again.'
  return exitMeanings[code] ?? fallback
}

/** The answer for people, with control bytes of hostile mail made visible. */
function injectionText(injection: Awaited<ReturnType<typeof inject>>): string {
  const { exitCode, meaning, dryRun, milliseconds, log, header } = injection
  const lines = [
    entry('exit', `${exitCode ?? 'none'}: ${meaning}`),
    entry('time', formatDuration(milliseconds)),
    ...log.map((line) => entry('log', line)),
    ...(dryRun ? [entry('queued', 'no, this is a dry run')] : []),
    ...(header === null ? [] : ['header', ...header.map((line) => `  ${visible(line)}`)]),
  ]
  return `${lines.join('\n')}\n`
}

const entry = (name: string, text: string): string => `${name.padEnd(8)} ${visible(text)}`

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '')

/** Makes text safe for a terminal: printable ASCII and tabs stay, other bytes become \xNN. */
const visible = (text: string): string =>
  text.replace(
    /[^\t\x20-\x7e]/g,
    (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
