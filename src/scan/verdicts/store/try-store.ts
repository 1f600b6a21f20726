import { answerInTime } from '../../../ground/flow/deadline.ts'
import type { StoreAccess } from '../../../protocol/valkey/address.ts'
import type { RespCommand } from '../../../protocol/valkey/connection.ts'
import { RespError } from '../../../protocol/valkey/resp-reader.ts'
import { connectToStore } from './connect-to-store.ts'
import { CHECK_KEY, MARK_KEY, questionFor } from './store-keys.ts'

interface StoreTrial {
  /** Milliseconds that an answer took. */
  readonly time: number
  /** Whether the store has the mark of another key than that of this host. */
  readonly hasOtherKey: boolean
}

/**
 * Puts a value into a store and asks for it, once and within so many milliseconds; `own` is the mark of
 * this host's key. Rejects with a reason in one line if a server cannot be asked, or does not keep the
 * value.
 */
export async function tryStore(
  access: StoreAccess,
  timeout: number,
  own?: Buffer,
): Promise<StoreTrial> {
  const over = new AbortController()
  try {
    return await answerInTime(tryUntil(over.signal, access, own), timeout)
  } finally {
    over.abort()
  }
}

async function tryUntil(
  signal: AbortSignal,
  access: StoreAccess,
  own: Buffer | undefined,
): Promise<StoreTrial> {
  const connection = await connectToStore(access, signal)
  signal.addEventListener('abort', () => connection.end())
  const ask = async (words: RespCommand) => {
    const [reply] = await connection.ask(words)
    if (reply instanceof RespError) throw reply
    return reply
  }
  await ask(['SET', CHECK_KEY, 'check', 'EX', '1'])
  const asked = performance.now()
  const answer = await ask(questionFor(CHECK_KEY))
  if (String(answer) !== 'check') throw new Error('it does not keep a value')
  const time = performance.now() - asked
  const found = own && (await ask(questionFor(MARK_KEY)))
  const isThere = Buffer.isBuffer(found) && found.length > 0
  return { time, hasOtherKey: isThere && !found.equals(own!) }
}
