import * as crypto from 'node:crypto'
import { errorText, Fault } from '../../../base/errors/fault.ts'
import type { LogField } from '../../../base/log/line-format.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { editHeader, type HeaderField } from '../../../mail/message/header-block.ts'
import { spoolMessage } from '../../../mail/message/intake.ts'
import type { Message } from '../../../mail/message/message.ts'
import { readSpoolSettings } from '../../../mail/message/spool.ts'
import { beginRelease, type Release } from '../../scan/quarantine/begin-release.ts'
import { isCurrent, type Key } from '../../scan/stamps/keyring.ts'
import { signRelease } from '../../scan/stamps/sign.ts'
import { RELEASED_TO_MAX } from '../../scan/stamps/stamp.ts'
import { digestsFor } from '../../scan/stamps/verify-stamps.ts'
import { flag, printsJson, text, texts } from '../command/cli-options.ts'
import { makeCommand, type Output } from '../command/run-command.ts'
import { addEnvironmentOptions, readCluster, slotEnvironment } from '../host/slot-environment.ts'
import { BY_CALLER, CallerRoute } from './by-caller.ts'
import { addDirectoryOption, noteAction, withQuarantine } from './directory.ts'
import { MaybeTaken, parseRoute, type ReleaseRoute } from './send-again.ts'

/**
 * Without a stamp only a server after the last onescan delivers a message in which scanners still find
 * something.
 */
const NO_STAMP_REMEDY =
  'release with --no-stamp, and --by a server behind the last onescan: any onescan on its way scans it again'

const MAYBE_REMEDY =
  'it may have been delivered: check the mail queue (mailq); if it is not there, release it with --again'

/** `onescan quarantine release ID`: sends a message on to its recipients. */
export const releaseCommand = makeCommand('quarantine release', {
  command: 'release <id>',
  describe: 'Send a message in quarantine to its recipients',
  builder: (yargs) =>
    addEnvironmentOptions(addDirectoryOption(yargs))
      .positional('id', { type: 'string', demandOption: true, describe: 'Its id, as in the list' })
      .option(
        'by',
        text('chain, sendmail, or HOST:PORT for SMTP [default: chain for qmail, else sendmail]'),
      )
      .option('to', texts('To this address instead of its recipients; may be repeated'))
      .option('again', flag('Even if it was released before, or a release was interrupted'))
      .option('stamp', {
        type: 'boolean',
        default: true,
        describe: 'Sign it, so that no host of the cluster scans it; --no-stamp leaves it unsigned',
      })
      .option('json', printsJson)
      .epilogue(
        'CLUSTERKEYS, QUEUECHAIN and QMAILHOME apply.\n\n' +
          'Exit codes: 0 it was sent; 2 it was not, and is still in quarantine.',
      ),
  work(args, output) {
    output.sum({ released: 0 })
    const env = slotEnvironment(process.env, args)
    const run = {
      to: args.to ?? [],
      keys: args.stamp ? signingKeys(env) : [],
      // By default the route of the interface that kept the message.
      routes: {
        slot: routeBy(args.by, 'chain', env),
        other: routeBy(args.by, 'sendmail', env),
      },
    }
    return withQuarantine(args.directory, async (root) => {
      const begun = await beginRelease(root, args.id, args.again)
      await release(root, begun, run, output)
      output.sum({ released: 1 })
      return 0
    })
  },
})

const routeBy = (by: string | undefined, usual: 'chain' | 'sendmail', env: Environment) =>
  by === BY_CALLER ? new CallerRoute(usual) : parseRoute(by ?? usual, env)

interface ReleaseRun {
  readonly to: readonly string[]
  readonly keys: readonly Key[]
  readonly routes: { readonly slot: ReleaseRoute; readonly other: ReleaseRoute }
}

/**
 * Sends a message on, and records that. As soon as the next program may have accepted the message, no error makes
 * this a failure: otherwise it would be released again.
 */
async function release(
  root: PathHandle,
  begun: Release,
  { to, keys, routes }: ReleaseRun,
  output: Output,
): Promise<void> {
  const { entry, record } = begun.opened
  const recipients = to.length > 0 ? to : record.recipients
  const route = record.door === 'qmail' ? routes.slot : routes.other
  if (keys.length > 0 && record.grounds === 'unclear-header') {
    await begun.cancel()
    const reason = 'its header is unclear, for which each onescan keeps it again'
    throw new Fault('config', `${entry.id}: ${reason}; ${NO_STAMP_REMEDY}`)
  }
  await handOn(begun, recipients, keys, route)
  const by = route.text // the route may be known only now
  await finish(begun, output)
  await reportRelease(entry.id, { by, recipients, isSigned: keys.length > 0 }, output)
  const fields: readonly LogField[] = [
    ['quarantine', 'release'],
    ['kept', entry.id],
    ['grounds', record.grounds],
    ['found', record.found],
    ['from', `<${record.sender}>`],
    ['to', `<${recipients[0] ?? ''}>`],
    ['rcpts', recipients.length],
    ['by', by],
    ['key', keys[0]?.id],
  ]
  await noteAction(root, fields, output)
}

/**
 * Hands a message on, with a stamp if there are keys. Its file is read once, so that exactly the signed bytes
 * are sent. If it is not sent, it stays in quarantine, and this rejects with a Fault.
 */
async function handOn(
  begun: Release,
  recipients: readonly string[],
  keys: readonly Key[],
  route: ReleaseRoute,
): Promise<void> {
  const { entry, record } = begun.opened
  let message: Message | undefined
  try {
    message = await spoolMessage(begun.opened.message(), {
      spool: readSpoolSettings(process.env),
      createHash: crypto.createHash,
      digestsFor: (header) => digestsFor(header, keys, Date.now() / 1000),
    })
    const add = keys.length > 0 ? [stampOf(message, recipients, keys)] : []
    const { header, body } = message
    const bytes = function* () {
      yield editHeader(header, { remove: [], add })
      yield* body.chunks()
    }
    const inCrlf = header.lineEnding === '\r\n'
    await route.handOn({ sender: record.sender, recipients, bytes, inCrlf })
  } catch (error) {
    const mayBeTaken = error instanceof MaybeTaken
    await (mayBeTaken ? begun.leave() : begun.cancel())
    const text = `${entry.id}: ${errorText(error)}${mayBeTaken ? `; ${MAYBE_REMEDY}` : ''}`
    throw new Fault('next-hop', text, error)
  } finally {
    message?.close()
  }
}

/** Marks a message that was sent as released. */
async function finish(begun: Release, output: Output): Promise<void> {
  await begun.finish().catch((error) => {
    const { id } = begun.opened.entry
    output.error(`${id}: was sent, but is not marked as released: ${errorText(error)}`)
  })
}

async function reportRelease(
  id: string,
  sent: { readonly by: string; readonly recipients: readonly string[]; readonly isSigned: boolean },
  output: Output,
): Promise<void> {
  const { by, recipients, isSigned } = sent
  const again =
    '; it has no stamp, so each onescan on its way scans it, and may quarantine it again'
  output.text(`${id}: sent by ${by} to ${recipients.length} recipients${isSigned ? '' : again}\n`)
  await output.result({ id, released: true, by, recipients })
}

function stampOf(
  message: Message,
  recipients: readonly string[],
  keys: readonly Key[],
): HeaderField {
  if (recipients.length > RELEASED_TO_MAX) {
    const reason = `a stamp can list at most ${RELEASED_TO_MAX} recipients, and there are ${recipients.length}`
    throw new Fault('config', `${reason}; select some of them with --to, or ${NO_STAMP_REMEDY}`)
  }
  const now = Math.floor(Date.now() / 1000)
  const stamp = signRelease(message, recipients, { keys, now, crypto })
  if (stamp !== undefined) return stamp.field
  const reason = message.canonical.fault ?? 'its header is too large'
  throw new Fault('config', `it cannot be signed: ${reason}; ${NO_STAMP_REMEDY}`)
}

/** The current keys that the keyring lets release mail. */
function signingKeys(env: Environment): Key[] {
  const remedy = `make one with onescan keygen --release, or ${NO_STAMP_REMEDY}`
  try {
    const now = Date.now() / 1000
    const { keys: all, CLUSTERPEERS } = readCluster(env)
    if (CLUSTERPEERS === 'required' && env.CLUSTERPEER === undefined) {
      throw new Error('no stamp is trusted that this host sends itself, by CLUSTERPEERS=required')
    }
    const keys = all.filter((key) => key.mayRelease && isCurrent(key, now))
    if (keys.length === 0)
      throw new Error('has no current key that may release: append :release to an hmac-sha256 key')
    return keys
  } catch (error) {
    throw new Fault('config', `keyring: ${errorText(error)}; ${remedy}`)
  }
}
