import { spawnSync } from 'node:child_process'
import t from 'tap'
import { lacks } from '../../../needs.mjs'
import { readMail } from '../read-mail.ts'

const file = Buffer.from(Array.from({ length: 700 }, (_, at) => (at * at) >> 3))
const encode = (words: readonly string[]) =>
  spawnSync('uuencode', [...words, 'a b.exe'], { input: file }).stdout?.toString()
const skip = lacks('uuencode')

t.test('data written by uuencode is found, with its name', { skip }, async (t) => {
  for (const words of [[], ['-e']]) {
    const text = encode(words)
    const base64 = Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\n')
    const encodings: Readonly<Record<string, string>> = {
      'in a text': `A: b\n\nsee:\n\n${text}\nbye\n`,
      'in base64': `Content-Transfer-Encoding: base64\n\n${base64}\n`,
      'in quoted-printable': `Content-Transfer-Encoding: quoted-printable\n\n${text.replaceAll('=', '=3D')}\n`,
      'in x-uuencode': `Content-Transfer-Encoding: x-uuencode\n\n${text}\n`,
    }
    for (const [name, mail] of Object.entries(encodings)) {
      const { holds, names } = readMail(mail)
      t.ok(holds(file), `${words} ${name}`)
      t.ok(names.includes('a b.exe'), `${words} ${name}: ${names}`)
    }
  }
})
