import type { CommandModule } from 'yargs'
import { isCurrent, type Key } from '../../cluster/keyring.ts'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { parseEndpoint } from '../../ground/net/endpoint.ts'
import { realPath } from '../../ground/path/walk.ts'
import { type Environment, splitWords } from '../../ground/settings/settings.ts'
import { readControlDirectories } from '../../judge/policy.ts'
import type { QuarantineRecord } from '../../quarantine/record.ts'
import { findAccount, nameOrNumber, obstacle, readAccounts } from '../../readiness/account.ts'
import { keyringPath, readCluster } from '../shared/keyring-options.ts'
import { flag, printsJson, text } from '../shared/options.ts'
import { FAILED, type Output, runCommand } from '../shared/run-command.ts'
import {
  addEnvironmentOptions,
  type EnvironmentOptions,
  slotEnvironment,
} from '../shared/slot-environment.ts'
import { approveFile } from './approve.ts'
import { type WorkConversation, workAsOwner } from './as-owner.ts'
import { type ReleaseRoute, routeText } from './hand-on.ts'
import { logAction } from './log-action.ts'
import { addDirectoryOption, callerName, type QuarantineOptions } from './options.ts'

interface ReleaseOptions extends QuarantineOptions, EnvironmentOptions {
  readonly id: string
  readonly digest?: string
  readonly by?: string
  readonly to?: readonly string[]
  readonly again: boolean
  readonly stamp: boolean
  readonly json: boolean
}

const SENDMAIL = '/usr/sbin/sendmail'

/** `onescan quarantine release ID DIGEST`: sends a message on to its recipients. */
export const releaseCommand: CommandModule<object, ReleaseOptions> = {
  command: 'release <id> [digest]',
  describe: 'Hand a message in quarantine to its recipients after all',
  builder: (yargs) =>
    addEnvironmentOptions(addDirectoryOption(yargs))
      .positional('id', { type: 'string', demandOption: true, describe: 'Its id, as in the list' })
      .positional('digest', {
        type: 'string',
        describe: 'Its digest, as list and show print it: what you have seen is what goes',
      })
      .option(
        'by',
        text('chain, sendmail, or HOST:PORT for SMTP [default: chain for the slot, else sendmail]'),
      )
      .option('to', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'To this address instead of its recipients; repeat it',
      })
      .option('again', flag('Even if it was released before, or a release of it was killed'))
      .option('stamp', {
        type: 'boolean',
        default: true,
        describe: 'Sign it, so that no host of the cluster scans it; --no-stamp for none',
      })
      .option('json', printsJson)
      .epilogue(
        'CLUSTERKEYS, QUEUECHAIN and QMAILHOME count as in the slot.\n\n' +
          'Exit codes: 0 it was handed on; 2 it was not, and is still in quarantine.',
      ) as never,
  handler: (args) =>
    runCommand('quarantine release', args, (output) => {
      const { id, directory, again, by, to = [] } = args
      if (args.digest === undefined) {
        const why = 'the file may have been exchanged since you saw it'
        throw new Fault('config', `${id}: name the digest, which list and show print: ${why}`)
      }
      const env = slotEnvironment(process.env, args)
      const keys = args.stamp ? signingKeys(env) : []
      const routes = { slot: routeFor(by, 'slot', env), other: routeFor(by, 'milter', env) }
      const who = callerName()
      const job = { act: 'release', directory, who, id, again, to, routes } as const
      const run = { id, seen: args.digest, to, env, keys, routes, who }
      return workAsOwner(
        job,
        (conversation) => release(conversation, run, output),
        (owner) => keys.length > 0 && mustHaveTheRing(owner, directory, keyringPath(env)),
      )
    }),
}

interface ReleaseRun {
  readonly id: string
  /** The digest of the file that was seen. */
  readonly seen: string
  readonly to: readonly string[]
  readonly env: Environment
  readonly keys: readonly Key[]
  readonly routes: { readonly slot: ReleaseRoute; readonly other: ReleaseRoute }
  readonly who: string
}

/** Has a message handed on. If that fails, it stays in quarantine. */
async function release(
  conversation: WorkConversation,
  run: ReleaseRun,
  output: Output,
): Promise<number> {
  const { id, seen, env, keys } = run
  let approved: QuarantineRecord | undefined
  let released = 0
  for await (const answer of conversation.answers()) {
    if (answer.kind === 'file') {
      try {
        if (answer.entry.id !== id) throw new Fault('read', 'is not what was asked for')
        const { record, add } = await approveFile(answer.bytes, seen, env, keys, run.to)
        approved = record
        conversation.approve({ add, key: keys[0]?.id })
      } catch (error) {
        output.error(`${id}: ${errorText(error)}`)
        conversation.approve({ refused: true })
      }
    } else if (answer.kind !== 'done') output.error(answer.text)
    else if (approved !== undefined && answer.id === id) {
      released++
      await tellOf(approved, run, output)
    }
  }
  output.sum({ released })
  return released === 1 ? 0 : FAILED
}

async function tellOf(
  { grounds, found, sender, recipients: all, door }: QuarantineRecord,
  { id, to, keys, routes, who }: ReleaseRun,
  output: Output,
): Promise<void> {
  const recipients = to.length > 0 ? to : all
  const by = routeText(door === 'slot' ? routes.slot : routes.other)
  output.text(`${id}: released by ${by} to ${recipients.length} recipients\n`)
  await output.result({ id, released: true, by, recipients })
  await logAction([
    ['quarantine', 'release'],
    ['kept', id],
    ['grounds', grounds],
    ['found', found],
    ['from', `<${sender}>`],
    ['to', `<${recipients[0] ?? ''}>`],
    ['rcpts', recipients.length],
    ['by', by],
    ['key', keys[0]?.id],
    ['who', who],
  ])
}

/** The current keys that the keyring lets release mail. */
function signingKeys(env: Environment): Key[] {
  const remedy =
    'make one with onescan keygen --release, or release with --no-stamp: it may be scanned again'
  try {
    const now = Date.now() / 1000
    const all = readCluster(env, undefined).keys
    const keys = all.filter((key) => key.mayRelease && isCurrent(key, now))
    if (keys.length === 0)
      throw new Error('has no current key that may release: put :release after an hmac-sha256 key')
    return keys
  } catch (error) {
    throw new Fault('config', `keyring: ${errorText(error)}; ${remedy}`)
  }
}

/**
 * Throws if the account that a quarantine belongs to may not read the keyring: root's signature would give
 * it what it has no key for.
 */
function mustHaveTheRing(uid: number, directory: string, ring: string): void {
  const accounts = readAccounts()
  const name = nameOrNumber(accounts, uid)
  const account = findAccount(accounts, name, 'all')
  if (account !== undefined && obstacle(account, realPath(ring), 'read') === undefined) return
  const why = `it belongs to ${name}, who may not read the keyring ${ring}`
  throw new Fault('config', `${directory}: ${why}; release with --no-stamp`)
}

/** The route of --by, else that of the door which kept the message. */
function routeFor(
  by: string | undefined,
  door: QuarantineRecord['door'],
  env: Environment,
): ReleaseRoute {
  const kind = by ?? (door === 'slot' ? 'chain' : 'sendmail')
  if (kind === 'sendmail') return { kind, program: SENDMAIL }
  if (kind === 'chain') {
    const words = splitWords(env.QUEUECHAIN ?? '', 'QUEUECHAIN')
    const byDefault = `${readControlDirectories(env).qmailHome}/bin/qmail-queue`
    return { kind, words: words.length > 0 ? words : [byDefault] }
  }
  const options = parseEndpoint(kind)
  if (options === undefined) {
    throw new Fault('config', `--by ${kind}: must be chain, sendmail, or HOST:PORT`)
  }
  return { kind: 'smtp', text: kind, options }
}
