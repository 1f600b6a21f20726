import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../src/mail/message/spool.ts'
import { type ContentsOptions, contentsOf } from '../../../src/mail/mime/contents.ts'
import type { Oddity } from '../../../src/mail/mime/reports/oddities.ts'

/** All that is given and reported while a message is read for its contents. */
interface MailRead {
  readonly contents: readonly Buffer[]
  /** The same as texts (latin1); `mail:` is before those that scanners take for mail. */
  readonly texts: readonly string[]
  /** Why it was not read to its end. */
  readonly over: string
  /** Each as often as it was reported. */
  readonly odd: readonly Oddity[]
  /** Of files in uuencode, yEnc, calendars and cards. */
  readonly names: readonly string[]
  /** The units of work. */
  readonly work: number
  /** Whether one of the contents has these bytes, and no others. */
  holds(file: Buffer): boolean
}

/** Reads a message (a text is latin1) for its contents. */
export function readMail(mail: Bytes | Buffer | string, more?: Partial<ContentsOptions>): MailRead {
  const bytes = typeof mail === 'string' ? Buffer.from(mail, 'latin1') : mail
  const contents: Buffer[] = []
  const texts: string[] = []
  const odd: Oddity[] = []
  const names: string[] = []
  let over = ''
  let work = 0
  const options: ContentsOptions = {
    openFile: () => openAnonymousFile(tmpdir()),
    createHash,
    onOdd: (oddity) => void odd.push(oddity),
    onPart({ names: some, containers }) {
      if (containers.length > 0) names.push(...some)
      return []
    },
    onWork: (units) => {
      work += units
    },
    ...more,
  }
  for (const step of contentsOf(Bytes.of(bytes), options)) {
    if (step.kind === 'unread') over = step.reason
    if (step.kind !== 'content') continue
    const content = Buffer.from(step.bytes.gather()) // it is valid until the next step
    if (content.length !== step.bytes.size) throw new Error('another size than was reported')
    contents.push(content)
    texts.push(`${step.isMail ? 'mail:' : ''}${content.toString('latin1')}`)
  }
  const holds = (file: Buffer) => contents.some((content) => content.equals(file))
  return { contents, texts, over, odd, names, work, holds }
}
