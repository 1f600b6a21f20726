import t from 'tap'
import { readMail } from '../read-mail.ts'

/** Messages with one part each, and the contents that are found in them. */

export const TYPE = 'Content-Type: '
export const ENCODING = 'Content-Transfer-Encoding: '
/** For mail that stays in memory. */
export const options = {
  openFile: (): number => {
    throw new Error('small contents stay in memory')
  },
}

/** The contents of a message, each as text; `mail:` is before one that is to be taken for a message. */
export function contentsIn(mail: string): readonly string[] {
  const { texts, over } = readMail(mail, options)
  if (over) throw new Error(over)
  return texts
}

export const sizesIn = (mail: Parameters<typeof readMail>[0]) =>
  readMail(mail).contents.map(({ length }) => length)

export const inBase64 = (text: string) =>
  Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\n')

/** The header of a text that is a file, in a character set. */
export const inCharset = (charset: string) => `${TYPE}text/plain; name=a; charset=${charset}`

/** A part behind the text of a message. */
export const behindText = (part: string) =>
  `${TYPE}multipart/mixed; boundary=b\n\n--b\n${TYPE}text/plain\n\nx\n--b\n${part}\n--b--\n`

export const inMultipart = (kind: string, part: string) =>
  `${TYPE}multipart/${kind}; boundary=b\n\n--b\n${part}\n--b--\n`

/** Messages of each kind, and the forms in which readers save what each holds. */
type Cases = Readonly<
  Record<string, readonly (readonly [mail: string, forms: readonly string[]])[]>
>

export function showForms(cases: Cases): void {
  for (const [name, mails] of Object.entries(cases)) {
    t.test(name, async (t) => {
      for (const [mail, forms] of mails) t.same(contentsIn(mail), forms, mail)
    })
  }
}
