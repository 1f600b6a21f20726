import { setTimeout as pause } from 'node:timers/promises'
import { LATE } from '../../ground/flow/deadline.ts'
import type { StoreAccess } from '../valkey/access.ts'
import { connectToStore } from '../valkey/connect-to-store.ts'
import type { RespCommand } from '../valkey/connection.ts'
import { RespError } from '../valkey/resp-reader.ts'
import { CHECK_KEY, FIRST_QUESTION, MARK_KEY, questionFor } from './store-keys.ts'

/**
 * Puts a value into a store and asks for it. Resolves to the milliseconds that the answer took, and to
 * whether the store has the mark of another key than `own`. Rejects with a reason in one line if a server
 * cannot be asked, or does not keep the value.
 */
export async function tryStore(
  access: StoreAccess,
  timeout: number,
  own?: Buffer,
): Promise<{ readonly time: number; readonly hasOtherKey: boolean }> {
  let trouble: string | undefined
  const connection = connectToStore(access, FIRST_QUESTION, (why) => {
    trouble = why
  })
  const ask = async (words: RespCommand) => {
    const answer = await connection.ask([words], timeout)
    if (answer === LATE) throw new Error(`no answer in ${timeout} ms`)
    const [reply] = answer
    if (reply instanceof RespError) throw reply
    return reply
  }
  const until = performance.now() + timeout
  try {
    while (!connection.isReady) {
      if (performance.now() > until) throw new Error(trouble ?? 'no connection')
      await pause(10)
    }
    await ask(['SET', CHECK_KEY, 'check', 'EX', '1'])
    const asked = performance.now()
    const answer = await ask(questionFor(CHECK_KEY))
    if (String(answer) !== 'check') throw new Error('it does not keep a value')
    const time = performance.now() - asked
    const found = own && (await ask(questionFor(MARK_KEY)))
    const isThere = Buffer.isBuffer(found) && found.length > 0
    return { time, hasOtherKey: isThere && !found.equals(own!) }
  } finally {
    connection.close()
  }
}
