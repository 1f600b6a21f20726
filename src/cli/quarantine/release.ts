import * as crypto from 'node:crypto'
import type { CommandModule } from 'yargs'
import { isCurrent, type Key } from '../../cluster/keyring.ts'
import { signRelease } from '../../cluster/sign.ts'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import type { PathHandle } from '../../ground/path/walk.ts'
import { type Environment, splitWords } from '../../ground/settings/settings.ts'
import { readControlDirectories } from '../../judge/policy.ts'
import { editHeader } from '../../message/header-block.ts'
import type { Message } from '../../message/spool.ts'
import { readSpoolPolicy } from '../../message/spool-policy.ts'
import type { QuarantineRecord } from '../../quarantine/record.ts'
import { beginRelease, type Release } from '../../quarantine/release.ts'
import { readCluster } from '../shared/keyring-options.ts'
import { FAILED, type Output, runCommand } from '../shared/run-command.ts'
import {
  addEnvironmentOptions,
  type EnvironmentOptions,
  slotEnvironment,
} from '../shared/slot-environment.ts'
import { spoolMessage } from '../shared/spool-message.ts'
import { handOn, type ReleaseRoute, routeText } from './hand-on.ts'
import { isAlive } from './is-alive.ts'
import { logDeed } from './log-action.ts'
import { addDirectoryOption, callerName, type QuarantineOptions, withQuarantine } from './open.ts'

interface ReleaseOptions extends QuarantineOptions, EnvironmentOptions {
  readonly ids: readonly string[]
  readonly by?: string
  readonly to?: readonly string[]
  readonly again: boolean
  readonly stamp: boolean
  readonly json: boolean
}

const SENDMAIL = '/usr/sbin/sendmail'

/** `onescan quarantine release ID...`: sends messages on to their recipients. */
export const releaseCommand: CommandModule<object, ReleaseOptions> = {
  command: 'release <ids..>',
  describe: 'Hand messages in quarantine to their recipients after all',
  builder: (yargs) =>
    addEnvironmentOptions(addDirectoryOption(yargs))
      .positional('ids', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Their ids, as in the list',
      })
      .option('by', {
        type: 'string',
        requiresArg: true,
        describe:
          'chain, sendmail, or HOST:PORT for SMTP [default: chain for the slot, else sendmail]',
      })
      .option('to', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'To this address instead of its recipients; repeat it',
      })
      .option('again', {
        type: 'boolean',
        default: false,
        describe: 'Even if it was released before, or a release of it was killed',
      })
      .option('stamp', {
        type: 'boolean',
        default: true,
        describe: 'Sign it, so that no host of the cluster scans it; --no-stamp for none',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
      .example(
        '$0 quarantine release 1795244400.0123456789abcdef',
        'As it would have been delivered',
      )
      .epilogue(
        'CLUSTERKEYS, QUEUECHAIN and QMAILHOME count as in the slot.\n\n' +
          'Exit codes: 0 all were handed on; 2 one was not, and is still in quarantine.',
      ) as never,
  handler: (args) => {
    const who = callerName()
    return runCommand('quarantine release', args, (output) => {
      // The settings and keys are read before root becomes another user: root obeys only its own files.
      const env = slotEnvironment(process.env, args)
      const keys = args.stamp ? signingKeys(env) : []
      const releasing = { ...args, env, keys, who }
      return withQuarantine(args.directory, (root) => release(root, releasing, output))
    })
  },
}

async function release(root: PathHandle, releasing: ReleaseRun, output: Output): Promise<number> {
  let released = 0
  for (const id of releasing.ids) {
    try {
      await releaseOne(root, id, releasing, output)
      released++
    } catch (error) {
      output.error(errorText(error))
    }
  }
  output.sum({ released })
  return released === releasing.ids.length ? 0 : FAILED
}

interface ReleaseRun extends Omit<ReleaseOptions, 'env'> {
  readonly env: Environment
  readonly keys: readonly Key[]
  readonly who: string
}

async function releaseOne(
  root: PathHandle,
  id: string,
  { again, by, to, env, keys, who }: ReleaseRun,
  output: Output,
): Promise<void> {
  const taken = await beginRelease(root, id, { again, isAlive })
  let isOver = false
  try {
    if (taken.wasInterrupted && !again) {
      const why = 'a release of it was killed, and it may have been delivered'
      throw new Fault('config', `${id}: ${why}; --again releases it all the same`)
    }
    const { record } = taken.opened
    const recipients = to && to.length > 0 ? to : record.recipients
    const route = routeFor(by, record, env)
    await withStamp(taken, env, keys, (message, bytes) =>
      handOn(
        {
          sender: record.sender,
          recipients,
          bytes,
          inCrlf: message.header.lineEnding === '\r\n',
        },
        route,
      ),
    )
    isOver = true
    await taken.finish()
    await logDeed(root, [
      ['quarantine', 'release'],
      ['kept', id],
      ['grounds', record.grounds],
      ['found', record.found],
      ['from', `<${record.sender}>`],
      ['to', `<${recipients[0] ?? ''}>`],
      ['rcpts', recipients.length],
      ['by', routeText(route)],
      ['key', keys[0]?.id],
      ['who', who],
    ])
    output.text(`${id}: released by ${routeText(route)} to ${recipients.length} recipients\n`)
    await output.result({ id, released: true, by: routeText(route), recipients })
  } finally {
    if (!isOver) await taken.cancel()
  }
}

/** Calls `use` with the message, which has its stamp on top. */
async function withStamp(
  { opened }: Release,
  env: Environment,
  keys: readonly Key[],
  use: (message: Message, bytes: () => Iterable<Buffer>) => Promise<void>,
): Promise<void> {
  const message = await spoolMessage(opened.message(), readSpoolPolicy(env), keys)
  try {
    const add = keys.length > 0 ? [await stampOf(message, keys)] : []
    const header = editHeader(message.header, { remove: [], add })
    await use(message, function* () {
      yield header
      yield* message.body()
    })
  } finally {
    message.close()
  }
}

async function stampOf(message: Message, keys: readonly Key[]) {
  const examined = { header: message.header, ...(await message.form()) }
  const now = Math.floor(Date.now() / 1000)
  const stamp = message.headerTooLarge ? undefined : signRelease(examined, { keys, now, crypto })
  if (stamp !== undefined) return stamp.field
  const why = examined.formFault ?? 'its header is too large'
  throw new Fault('config', `it cannot be signed: ${why}; --no-stamp releases it without`)
}

/** The current hmac-sha256 keys: only their stamps name what they vouch for, and expire. */
function signingKeys(env: Environment): Key[] {
  const remedy =
    'make a key with onescan keygen, or release with --no-stamp: it may be scanned again'
  try {
    const now = Date.now() / 1000
    const all = readCluster(env, undefined).keys
    const keys = all.filter((key) => key.scheme === 'hmac-sha256' && isCurrent(key, now))
    if (keys.length === 0) throw new Error('has no current hmac-sha256 key')
    return keys
  } catch (error) {
    throw new Fault('config', `keyring: ${errorText(error)}; ${remedy}`)
  }
}

function routeFor(
  by: string | undefined,
  { door }: QuarantineRecord,
  env: Environment,
): ReleaseRoute {
  const kind = by ?? (door === 'slot' ? 'chain' : 'sendmail')
  if (kind === 'sendmail') return { kind, program: SENDMAIL }
  if (kind === 'chain') {
    const words = splitWords(env.QUEUECHAIN ?? '', 'QUEUECHAIN')
    const standard = `${readControlDirectories(env).qmailHome}/bin/qmail-queue`
    return { kind, words: words.length > 0 ? words : [standard] }
  }
  const colon = kind.lastIndexOf(':')
  const host = kind.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  const port = Number(kind.slice(colon + 1))
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Fault('config', `--by ${kind}: must be chain, sendmail, or HOST:PORT`)
  }
  return { kind: 'smtp', text: kind, options: { host, port } }
}
