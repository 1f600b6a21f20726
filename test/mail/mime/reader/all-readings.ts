import { Bytes } from '../../../../src/mail/message/bytes.ts'
import type { KnownHeader } from '../../../../src/mail/message/message.ts'
import { budgetOf } from '../../../../src/mail/mime/budget/limits.ts'
import { aroundMail } from '../../../../src/mail/mime/reader/depth.ts'
import type { Leaf, SeenHeader } from '../../../../src/mail/mime/reader/found.ts'
import type { Reading } from '../../../../src/mail/mime/reader/reading.ts'
import { MailReadings } from '../../../../src/mail/mime/reader/readings.ts'

/** What one reading of a message has found. */
interface ReadingDone {
  readonly reading: Reading
  readonly leaves: readonly Leaf[]
  readonly headers: readonly SeenHeader[]
  /** In units of work. */
  readonly work: number
}

/** All readings of a message, the common one first. Throws LimitExceeded. */
export function allReadings(
  mail: Bytes | Buffer,
  known?: KnownHeader,
): {
  readonly done: readonly ReadingDone[]
  readonly unread: string | undefined
} {
  const source = mail instanceof Bytes ? mail : Bytes.of(mail)
  const readings = new MailReadings(source, aroundMail(), budgetOf(source.size), { known })
  const done: ReadingDone[] = []
  for (let reading = readings.next(); reading; reading = readings.next()) {
    const found: (Leaf | SeenHeader)[] = []
    let work = 0
    for (const units of reading.read()) {
      work += units
      found.push(...reading.takeFound())
    }
    done.push({
      reading,
      leaves: found.filter((one): one is Leaf => 'from' in one),
      headers: found.filter((one): one is SeenHeader => 'seen' in one),
      work,
    })
  }
  return { done, unread: readings.unread }
}
