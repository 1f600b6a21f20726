import * as crypto from 'node:crypto'
import { isCurrent, type Key } from '../../cluster/keyring.ts'
import { signRelease } from '../../cluster/sign.ts'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { editHeader } from '../../message/header-block.ts'
import type { Message } from '../../message/spool.ts'
import { readSpoolPolicy } from '../../message/spool-policy.ts'
import type { Release } from '../../quarantine/release.ts'
import { readCluster } from '../shared/keyring-options.ts'
import { spoolMessage } from '../shared/spool-message.ts'

/**
 * Spools a message from the quarantine and calls `use` with it. Its bytes have a stamp on top, if there
 * are keys. Rejects if the message cannot be signed.
 */
export async function withStamp(
  opened: Release['opened'],
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
export function signingKeys(env: Environment): Key[] {
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
