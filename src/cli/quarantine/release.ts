import type { CommandModule } from 'yargs'
import type { Key } from '../../cluster/keyring.ts'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import type { PathHandle } from '../../ground/path/walk.ts'
import { type Environment, splitWords } from '../../ground/settings/settings.ts'
import { readControlDirectories } from '../../judge/policy.ts'
import type { QuarantineRecord } from '../../quarantine/record.ts'
import { beginRelease } from '../../quarantine/release.ts'
import { FAILED, type Output, runCommand } from '../shared/run-command.ts'
import {
  addEnvironmentOptions,
  type EnvironmentOptions,
  slotEnvironment,
} from '../shared/slot-environment.ts'
import { handOn, type ReleaseRoute, routeText } from './hand-on.ts'
import { isAlive } from './is-alive.ts'
import { logAction } from './log-action.ts'
import { addDirectoryOption, callerName, type QuarantineOptions, withQuarantine } from './open.ts'
import { signingKeys, withStamp } from './stamp-release.ts'

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

/** The options of a release, and what root has read before it becomes another user. */
interface ReleaseRun extends Omit<ReleaseOptions, 'env'> {
  readonly env: Environment
  readonly keys: readonly Key[]
  readonly who: string
}

/** Hands one message on. If that fails, the message stays in quarantine. */
async function releaseOne(
  root: PathHandle,
  id: string,
  { again, by, to, env, keys, who }: ReleaseRun,
  output: Output,
): Promise<void> {
  const attempt = await beginRelease(root, id, { again, isAlive })
  let isDelivered = false
  try {
    if (attempt.wasInterrupted && !again) {
      const why = 'a release of it was killed, and it may have been delivered'
      throw new Fault('config', `${id}: ${why}; --again releases it all the same`)
    }
    const { record } = attempt.opened
    const recipients = to && to.length > 0 ? to : record.recipients
    const route = routeFor(by, record, env)
    await withStamp(attempt.opened, env, keys, (message, bytes) =>
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
    isDelivered = true
    await attempt.finish()
    await logAction(root, [
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
    if (!isDelivered) await attempt.cancel()
  }
}

/** The route of --by, else that of the door which kept the message. */
function routeFor(
  by: string | undefined,
  { door }: QuarantineRecord,
  env: Environment,
): ReleaseRoute {
  const kind = by ?? (door === 'slot' ? 'chain' : 'sendmail')
  if (kind === 'sendmail') return { kind, program: SENDMAIL }
  if (kind === 'chain') {
    const words = splitWords(env.QUEUECHAIN ?? '', 'QUEUECHAIN')
    const byDefault = `${readControlDirectories(env).qmailHome}/bin/qmail-queue`
    return { kind, words: words.length > 0 ? words : [byDefault] }
  }
  const colon = kind.lastIndexOf(':')
  const host = kind.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  const digits = kind.slice(colon + 1)
  const port = Number(digits)
  if (colon < 1 || !/^\d{1,5}$/.test(digits) || port < 1 || port > 65_535) {
    throw new Fault('config', `--by ${kind}: must be chain, sendmail, or HOST:PORT`)
  }
  return { kind: 'smtp', text: kind, options: { host, port } }
}
