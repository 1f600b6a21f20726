import type { Ending } from '../../../programs/host/server.ts'
import { startClamd } from '../../../programs/servers/clamd.ts'
import { createRandom } from '../../../run/random.ts'
import { extractingAll, judgeMessage } from '../evasions/judge-message.ts'
import { allowedMail, databaseOfKnown } from './allowed-mail.ts'

/** What became of random messages with a known file in a part. */
export interface LeftParts {
  /** The messages of which some part was left to the scan of the whole. */
  readonly left: number
  /** Messages of which the file is found only if each part is submitted. */
  readonly lost: readonly { readonly mail: string; readonly form: string }[]
}

/** Judges messages by the grammar of what is left to clamd, with a real one. The same seed makes the same messages. */
export async function tryLeftParts(
  t: Ending,
  {
    count,
    seed,
    program,
  }: { readonly count: number; readonly seed: number; readonly program?: string | undefined },
): Promise<LeftParts> {
  const clamd = await startClamd(t, {
    program,
    alertExceedsMax: true,
    disableCache: true,
    database: databaseOfKnown,
  })
  const random = createRandom(seed)
  let left = 0
  const lost: { mail: string; form: string }[] = []
  const judgeSome = async (some: number) => {
    const extracted = await extractingAll(clamd.socket)
    for (let tried = 0; tried < some; tried++) {
      const { mail, form } = allowedMail(random)
      const message = Buffer.from(mail, 'latin1')
      const before = extracted.omitted
      const { isFound } = await judgeMessage(clamd.socket, message, extracted)
      if (extracted.omitted > before) left++
      if (!isFound && (await judgeMessage(clamd.socket, message)).isFound) lost.push({ mail, form })
    }
  }
  const AT_ONCE = 4
  await Promise.all(Array.from({ length: AT_ONCE }, () => judgeSome(Math.ceil(count / AT_ONCE))))
  await clamd.stop()
  return { left, lost }
}
