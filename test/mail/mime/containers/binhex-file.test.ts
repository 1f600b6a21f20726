import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { budgetOf } from '../../../../src/mail/mime/budget/limits.ts'
import { lacks } from '../../../needs.mjs'
import { binHex } from '../decoders/binhex.ts'
import { readMail } from '../read-mail.ts'

const data = Buffer.from(Array.from({ length: 700 }, (_, at) => (at * at) >> 3))
const resources = Buffer.concat([Buffer.from('resources\x90\x90', 'latin1'), Buffer.alloc(700, 7)])
const text = binHex('a.exe', data, resources)

const skip = lacks('hexbin')

t.test('hexbin and onescan find the same file', { skip }, async (t) => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'a.hqx'), text)
  for (const [option, file] of [
    ['-d', data],
    ['-r', resources],
  ] as const) {
    spawnSync('hexbin', [option, 'a.hqx'], { cwd: directory })
    const name = option === '-d' ? 'a.exe.data' : 'a.exe.rsrc'
    t.ok(readFileSync(join(directory, name)).equals(file), option)
    t.ok(readMail(`Content-Type: text/plain\n\n${text}`).holds(file))
  }
})

t.test('a file in BinHex is found anywhere, with its name', async (t) => {
  const type = 'Content-Type: application/mac-binhex40; name=a.hqx'
  const base64 = Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\n')
  const mails: Readonly<Record<string, string>> = {
    'in a text': `A: b\n\n${text}`,
    'with text around it': `A: b\n\nsee: this\n\n${text}\nbye: then\n`,
    'in a file': `${type}\n\n${text}`,
    'in base64': `${type}\nContent-Transfer-Encoding: base64\n\n${base64}\n`,
    'in a text in base64': `Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n${base64}\n`,
    'in HTML': `Content-Type: text/html\n\n<pre>\n${text}</pre>\n`,
    'without its end': `A: b\n\n${text.trimEnd().slice(0, -1)}\n`,
    'in lines that end in CR LF': `A: b\n\n${text}`.replaceAll('\n', '\r\n'),
    'below the least that a program reads': `A: b\n\n${text.replace(' with BinHex 4.0)', ': x')}`,
    'behind another one': `A: b\n\n${binHex('b', Buffer.from('another one'))}\n${text}`,
  }
  for (const [name, mail] of Object.entries(mails)) {
    const { holds, names } = readMail(mail)
    t.ok(holds(data), name)
    t.ok(holds(resources), `${name}, its resources`)
    t.ok(names.includes('a.exe'), `${name}, its name`)
  }
  t.same(readMail(`A: b\n\n${text}`).names, ['a.exe'], 'once for both of its forks')
  for (const length of [30_000_000, 0]) {
    const { contents } = readMail(`A: b\n\n${binHex('a', data, Buffer.alloc(0), [length, 0])}`)
    const isFound = contents.some((bytes) => bytes.indexOf(data) === 0)
    t.ok(isFound, `MIME::Parser does not read the length ${length}`)
  }
})

t.test('two files in BinHex are found in a text, and each byte is counted', async (t) => {
  const two = readMail(`A: b\n\n${text}${binHex('b', Buffer.from('another one'))}`)
  t.ok(two.texts.includes(data.toString('latin1')) && two.texts.includes('another one'))
  t.same(new Set(two.names), new Set(['a.exe', 'b']))
  const runs = `A: b\n\n${binHex('a', Buffer.alloc(3_000_000))}`
  const budget = { ...budgetOf(runs.length), bytes: 2_000_000 }
  t.match(readMail(runs, { budget }).over, /too many bytes/)
})
