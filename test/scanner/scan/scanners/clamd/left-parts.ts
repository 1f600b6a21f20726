import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { Bytes } from '../../../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../../../src/mail/mime/contents.ts'
import type { Ending } from '../../../../programs/host/server.ts'
import { startClamd } from '../../../../programs/servers/clamd.ts'
import { createRandom } from '../../../../run/random.ts'
import { extractingAll, judgeMessage } from '../evasions/judge-message.ts'
import { allowedMail, databaseOfKnown } from './allowed-mail.ts'

/** What became of random messages with a known file in a part. */
export interface LeftParts {
  /** The messages that were made to find as many as were asked for, of which a part is left to the scan of the whole. */
  readonly made: number
  /** Messages of which the file is not found. */
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
  let made = 0
  const next = () => {
    for (;;) {
      made++
      const { mail, form } = allowedMail(random)
      if (leavesParts(Buffer.from(mail, 'latin1'))) return { mail, form }
    }
  }
  const lost: { mail: string; form: string }[] = []
  const judgeSome = async (some: number) => {
    const extracted = await extractingAll(clamd.socket)
    for (let tried = 0; tried < some; tried++) {
      const { mail, form } = next()
      const { isFound } = await judgeMessage(clamd.socket, Buffer.from(mail, 'latin1'), extracted)
      if (!isFound) lost.push({ mail, form })
    }
  }
  const AT_ONCE = 4
  await Promise.all(Array.from({ length: AT_ONCE }, () => judgeSome(Math.ceil(count / AT_ONCE))))
  await clamd.stop()
  return { made, lost }
}

/** Whether some part of a message is left to the scan of the whole, or of a mail that is attached to it. */
function leavesParts(mail: Buffer): boolean {
  let isLeft = false
  const onCovered = () => {
    isLeft = true
  }
  const openFile = () => openAnonymousFile(tmpdir())
  const options = { createHash, openFile, findsCovered: true, onCovered }
  for (const step of contentsOf(Bytes.of(mail), options))
    if (isLeft || (step.kind === 'content' && step.coveredBy)) return true
  return isLeft
}
