import { gunzipSync } from 'node:zlib'
import PostalMime, { type Email } from 'postal-mime'
import t from 'tap'
import { FORMS } from '../../../tools/bench/letters.ts'

const PROGRAMS = 4

/** Bytes as the name of a form describes them. */
function namedSize(name: string): number {
  const [, number, unit] = /^(\d+) (KB|MB) /.exec(name)!
  return Number(number) * (unit === 'KB' ? 1024 : 1024 * 1024)
}

const read = (mail: string | ArrayBuffer) =>
  PostalMime.parse(typeof mail === 'string' ? Buffer.from(mail, 'latin1') : mail, {
    forceRfc822Attachments: true,
  })

/** The file that a message has, or a message in it. */
async function fileIn(email: Email): Promise<Buffer | undefined> {
  for (const { mimeType, content } of email.attachments) {
    if (mimeType === 'application/gzip') return gunzipSync(content as ArrayBuffer)
    if (mimeType === 'message/rfc822') return fileIn(await read(content as ArrayBuffer))
  }
  return undefined
}

for (const { name, make } of FORMS) {
  t.test(`another reader finds in each mail of ${name} what was put there`, async (t) => {
    const mails = Array.from({ length: 2 * PROGRAMS }, (_, serial) => make(serial))
    t.equal(new Set(mails).size, mails.length)
    for (const mail of mails) {
      t.ok(Math.abs(mail.length / namedSize(name) - 1) < 0.05, `${mail.length} bytes`)
      const email = await read(mail)
      t.match(email.subject, /^Zahlen für das nächste Jahr, /)
      t.match(email.text, / (?:für|nächste|réunion) /)
      t.notMatch(email.text, /=[0-9A-F]{2}|\ufffd/)
      if (name.endsWith('text')) {
        t.notOk(email.html)
      } else {
        t.match(email.html, / (?:für|nächste|réunion) /)
        t.match(email.html, /<\/(?:html|div)>\s*$/)
        t.notMatch(email.html, /=[0-9A-F]{2}[^0-9a-f]|\ufffd/)
      }
      const file = await fileIn(email)
      t.equal(file !== undefined, /file|forward/.test(name))
      if (file) t.ok(file.length > 0.5 * namedSize(name), `a file of ${file.length} bytes`)
    }
  })
}
