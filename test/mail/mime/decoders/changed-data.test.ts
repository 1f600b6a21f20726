import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { simpleParser } from 'mailparser'
import PostalMime from 'postal-mime'
import t from 'tap'
import { lacks } from '../../../needs.mjs'
import { python, pythonMissing } from '../../../programs/host/python.ts'
import { isWhole } from '../../../run/is-whole.ts'
import { createRandom, type Random } from '../../../run/random.ts'
import { readMail } from '../read-mail.ts'

/** Data of a file that is changed at random: what two other readers of mail decode it to must be among the contents. */

const MAILS = isWhole ? 6000 : 600
const SEED = 8_301

const lines = (text: string, length: number) =>
  text.replace(new RegExp(`[^]{${length}}(?=.)`, 'g'), '$&\n')

function uuencoded(bytes: Buffer): string {
  const lineOf = (at: number) => {
    const piece = bytes.subarray(at, at + 45)
    const padded = Buffer.concat([piece, Buffer.alloc((3 - (piece.length % 3)) % 3)])
    const six = [...padded.toString('hex').matchAll(/.{6}/g)].flatMap(([group]) =>
      [18, 12, 6, 0].map((shift) => (Number.parseInt(group, 16) >> shift) & 63),
    )
    return String.fromCharCode(...[piece.length, ...six].map((value) => (value || 64) + 32))
  }
  const starts = Array.from({ length: Math.ceil(bytes.length / 45) }, (_, line) => line * 45)
  return `begin 644 a.bin\n${starts.map((at) => `${lineOf(at)}\n`).join('')}\`\nend\n`
}

const encoders: Readonly<Record<string, (bytes: Buffer) => string>> = {
  'quoted-printable': (bytes) =>
    [...bytes]
      .map((byte, at) => {
        const code = `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
        return (
          (/[!-<>-~]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : code) +
          (at % 20 === 19 ? '=\n' : '')
        )
      })
      .join(''),
  base64: (bytes) => `${lines(bytes.toString('base64'), 76)}\n`,
  'x-uuencode': uuencoded,
}

/** What is put in, or in the place of other data. */
const pieces: Readonly<Record<string, readonly string[]>> = {
  'quoted-printable': [
    '=',
    '= ',
    '=\n',
    '= \n',
    '=\t',
    ' \n',
    '\n',
    '==',
    '=4',
    '=4g',
    '=3D',
    ' ',
    '\t',
    'x',
    '.',
  ],
  base64: ['=', '==', ' ', '\n', '-', '_', '!', 'A', 'AA', 'AAA', '\t', 'QQ==', '\xe4'],
  'x-uuencode': ['`', ' ', '\n', 'end\n', '`\n', 'x', 'M', '#', '\t'],
}

function changed(random: Random, encoding: string): string {
  const bytes = Buffer.from(Array.from({ length: 30 + random.below(90) }, () => random.below(256)))
  let data = encoders[encoding]!(bytes)
  for (let count = 1 + random.below(3); count > 0; count--) {
    const at = random.once(3) ? data.length - random.below(3) : random.below(data.length)
    data = data.slice(0, at) + random.pick(pieces[encoding]!) + data.slice(at + random.below(3))
  }
  return `From: a@example.org
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=bound

--bound
Content-Type: text/plain

see the file
--bound
Content-Type: application/octet-stream; name=a.bin
Content-Disposition: attachment; filename=a.bin
Content-Transfer-Encoding: ${encoding}

${data}
--bound--
`
}

function byPython(mails: readonly Buffer[]): Readonly<Record<string, string>>[] {
  const input = JSON.stringify(mails.map((mail) => mail.toString('base64')))
  const script = join(import.meta.dirname, 'read-files.py')
  const { stdout } = spawnSync(python, [script], { input, encoding: 'utf8', maxBuffer: 2 ** 28 })
  return JSON.parse(stdout)
}

async function byLibraries(mail: Buffer): Promise<Readonly<Record<string, Buffer>>> {
  const parsed = await simpleParser(mail, { skipHtmlToText: true, skipTextToHtml: true })
  const { attachments } = await PostalMime.parse(mail, { attachmentEncoding: 'arraybuffer' })
  return {
    mailparser: parsed.attachments.at(-1)?.content ?? Buffer.alloc(0),
    'postal-mime': Buffer.from((attachments.at(-1)?.content as ArrayBuffer) ?? []),
  }
}

t.test(
  'what two readers decode changed data to is a content',
  { skip: pythonMissing || lacks('GMime') },
  async (t) => {
    const random = createRandom(SEED)
    const mails = Array.from({ length: MAILS }, (_, number) => {
      const encoding = Object.keys(encoders)[number % 3]!
      return Buffer.from(changed(random, encoding), 'latin1')
    })
    const read = byPython(mails)
    let agreed = 0
    const missing: string[] = []
    for (const [number, mail] of mails.entries()) {
      const decoded = Object.entries(read[number]!).map(
        ([name, text]) => [name, Buffer.from(text, 'base64')] as const,
      )
      const all = [...decoded, ...Object.entries(await byLibraries(mail))]
      const { contents } = readMail(mail)
      const submitted = new Set(contents.map((content) => content.toString('latin1')))
      const readersOf = new Map<string, string[]>()
      for (const [name, bytes] of all) {
        const key = bytes.toString('latin1')
        readersOf.set(key, [...(readersOf.get(key) ?? []), name])
      }
      for (const [key, names] of readersOf) {
        if (names.length < 2 || key === '') continue
        agreed++
        if (!submitted.has(key))
          missing.push(
            `${number} ${names.join(', ')}\n${mail.toString('latin1').split('\n\n').slice(3).join('\n\n')}`,
          )
      }
    }
    t.ok(agreed > MAILS / 2, `${agreed} contents of two readers`)
    t.same(missing, [])
  },
)
