import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  BASE64,
  base64,
  multipart,
  part,
  TEXT,
  uuencode,
} from '../scanner/scan/scanners/evasions/compose.ts'
import { testFile } from '../scanner/scan/scanners/evasions/files.ts'
import { bytes, type Case, type Stage } from './case.ts'
import { plain } from './messages.ts'

const coded = (type: string, content: string) =>
  part([`Content-Type: ${type}`, BASE64], base64(bytes(content)))
const file = (content: string) => coded('application/octet-stream', content)

const mail = (parts: readonly string[], { kind = 'mixed', fields = '' } = {}): Buffer =>
  bytes(`From: a@example.org\nMIME-Version: 1.0\n${fields}${multipart(kind, parts)}`)

const settings =
  (more: Readonly<Record<string, string>> = {}) =>
  ({ scanner, file }: Stage) => ({
    QHPSI: scanner,
    REJECTVIRUS: '1',
    CLUSTERKEYS: file('ring', `hmac-sha256:alpha:${Buffer.alloc(32, 5).toString('base64url')}\n`),
    ...more,
  })

/** What OpenPGP sends for a public key: a session key, and data. */
const encrypted = coded('application/octet-stream; name=a.pgp', '\xc1\x05\x03 key\xd2\x05\x01data')

/** The beginning of signed data (S/MIME, RFC 5652 5.1), in which nothing follows. */
const CUT_SIGNED_DATA =
  '\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\x01'

/** A file of Info-ZIP. */
const zipWithPassword = () =>
  readFileSync(join(import.meta.dirname, '../mail/mime/encrypted/files/archive.zip'), 'latin1')

export const encryptedMail = mail([TEXT, encrypted])
/** It has more parts than are looked at. */
export const crowded = mail(
  Array.from({ length: 2200 }, (_, at) => file(`number ${at} of many\n`)),
  { kind: 'parallel' },
)

const parallel = { kind: 'parallel' } as const
const strange = { fields: 'Content-Type:\n' } as const

const partPlugin = `import { readFileSync, statSync } from 'node:fs'
export function virusscan({ path, size, part }) {
  if (statSync(path).size !== size || !readFileSync(path, 'latin1').includes('multipart')) throw 1
  if (part === undefined) return { clean: true }
  const content = readFileSync(part.path, 'latin1')
  const found = content === 'VIRUS\\n' && part.size === 6
  return found ? { infected: true, name: 'In.Part' } : { clean: true }
}
`

/** What readers of mail may see in it is scanned, too. */
export const secondLook: readonly Case[] = [
  {
    name: 'a virus that mail readers see and a scanner of the whole misses is refused',
    message: () => mail([TEXT, file('VIRUS\n')], parallel),
    settings: settings(),
    expect: { outcome: 'refused', text: /virus Test-Virus/ },
  },
  {
    name: 'with SECONDLOOK=never only the whole message is scanned',
    message: () => mail([TEXT, file('VIRUS\n')], parallel),
    settings: settings({ SECONDLOOK: 'never' }),
    expect: { outcome: 'delivered', scans: 1, xQhpsi: 'clean', newStamps: 1 },
  },
  {
    name: 'a file that every reader sees alike is scanned by itself, and then the whole message',
    message: () => mail([TEXT, file('nothing\n')]),
    settings: settings(),
    expect: { outcome: 'delivered', scans: 2, xQhpsi: 'clean', newStamps: 1 },
  },
  {
    name: 'a virus in a file that every reader sees alike is refused, even if a scan of the whole message misses it',
    message: () => mail([TEXT, file('VIRUS\n')]),
    settings: settings(),
    expect: { outcome: 'refused', scans: 1, text: /virus Test-Virus/ },
  },
  {
    name: 'the plain text of a message is scanned only as a part of the whole message',
    message: () => mail([TEXT]),
    settings: settings(),
    expect: { outcome: 'delivered', scans: 1, xQhpsi: 'clean', newStamps: 1 },
  },
  {
    name: 'a second text, which some mail programs save as a file, is scanned by itself',
    message: () => mail([TEXT, 'Content-Type: text/plain; charset=utf-8\n\nmore text\n']),
    settings: settings(),
    expect: { outcome: 'delivered', scans: 3, xQhpsi: 'clean', newStamps: 1 },
  },
  {
    name: 'HTML is scanned by itself',
    message: () => mail([TEXT, 'Content-Type: text/html\n\n<p>hello</p>\n']),
    settings: settings(),
    expect: { outcome: 'delivered', scans: 2, xQhpsi: 'clean', newStamps: 1 },
  },
  {
    name: 'odd mail without a virus is delivered and stamped, and the log lists its oddities',
    message: () =>
      mail([TEXT.replace('\n\n', '\nContent-Transfer-Encoding: 8-bit\n\n'), file('nothing\n')]),
    settings: settings(),
    expect: {
      outcome: 'delivered',
      xQhpsi: 'clean',
      newStamps: 1,
      log: /scan=clean .*odd=field/,
    },
  },
  {
    name: 'a message is deferred if the result of one of its contents is unknown',
    message: () => mail([TEXT, file('TROUBLE\n')], parallel),
    settings: settings(),
    expect: { outcome: 'deferred' },
  },
  {
    name: 'the plugin eicar is asked about contents, too',
    message: () => mail([TEXT, `\n${uuencode(testFile)}\n`], parallel),
    settings: settings({ QHPSI: 'plugin: eicar' }),
    expect: { outcome: 'refused', text: /virus EICAR-Test/ },
  },
  {
    name: 'a plugin is asked about each content as a part of the mail',
    message: () => mail([TEXT, file('VIRUS\n')], parallel),
    settings: (stage) => ({
      ...settings()(stage),
      QHPSI: 'plugin: part.mjs',
      PLUGINDIR: dirname(stage.file('plugins/part.mjs', partPlugin)),
    }),
    expect: { outcome: 'refused', text: /virus In.Part/ },
  },
  {
    name: 'a message with more contents than are looked at is refused in its own words',
    message: () => crowded,
    settings: settings({ QHPSI: 'plugin: eicar' }),
    expect: {
      outcome: 'refused',
      text: /it contains more than can be scanned \(more than \d+ contents\).*5\.6\.0/,
      log: /scan=skipped .*second look: more than \d+ contents/,
    },
  },
  {
    name: 'a message with many lines of dashes is delivered',
    message: () => mail([TEXT, `\n${'--x\n'.repeat(100_001)}`], parallel),
    settings: settings({ QHPSI: 'plugin: eicar' }),
    expect: { outcome: 'delivered', xQhpsi: 'clean' },
  },
  {
    name: 'with UNREAD=defer the sender of mail over these limits is asked to try again',
    message: () => crowded,
    settings: settings({ QHPSI: 'plugin: eicar', UNREAD: 'defer' }),
    expect: { outcome: 'deferred', text: /it contains more than can be scanned.*4\.6\.0/ },
  },
  {
    name: 'with UNREAD=accept mail over these limits is delivered without X-QHPSI',
    message: () => crowded,
    settings: settings({ QHPSI: 'plugin: eicar', UNREAD: 'accept' }),
    expect: {
      outcome: 'delivered',
      xQhpsi: null,
      newStamps: 0,
      log: /scan=skipped .*second look: more than \d+ contents/,
    },
  },
  {
    name: 'STRICTMIME=refuse refuses forms that ordinary mail never has',
    message: () => mail([TEXT], strange),
    settings: settings({ STRICTMIME: 'refuse' }),
    expect: { outcome: 'refused', text: /malformed MIME/ },
  },
  {
    name: 'encrypted=refuse keeps out what nobody can look into',
    message: () => encryptedMail,
    settings: settings({ FINDINGS: 'encrypted=refuse' }),
    expect: {
      outcome: 'refused',
      text: /it contains encrypted content, which cannot be scanned.*5\.7\.1/,
    },
  },
  {
    // promise: no-accident-clean
    name: 'encrypted mail is accepted by default, but not called clean, and gets no stamp',
    message: () => encryptedMail,
    settings: settings({ STRICTMIME: 'refuse' }),
    expect: {
      outcome: 'delivered',
      xQhpsi: null,
      newStamps: 0,
      delivered: (sent) => sent,
      log: /scan=skipped .*odd=encrypted .*reason="encrypted content was not scanned"/,
    },
  },
  {
    name: 'nor is mail called clean with a zip archive that needs a password',
    message: () => mail([TEXT, coded('application/zip; name=a.zip', zipWithPassword())]),
    settings: settings(),
    expect: {
      outcome: 'delivered',
      xQhpsi: null,
      newStamps: 0,
      log: /scan=skipped .*odd=encrypted .*reason="encrypted content was not scanned"/,
    },
  },
  {
    name: 'nor is mail called clean with a part that resembles an archive and cannot be read',
    message: () => mail([TEXT, coded('application/octet-stream; name=a', CUT_SIGNED_DATA)]),
    settings: settings(),
    expect: {
      outcome: 'delivered',
      xQhpsi: null,
      newStamps: 0,
      log: /scan=skipped .*odd=unread .*reason="a part was not read"/,
    },
  },
  {
    name: 'STRICTMIME=defer asks the sender to try again',
    message: () => mail([TEXT], strange),
    settings: settings({ STRICTMIME: 'defer' }),
    expect: { outcome: 'deferred', text: /malformed MIME/ },
  },
  {
    name: 'STRICTMIME lets mail in that is only unusual',
    message: () => mail([TEXT], parallel),
    settings: settings({ STRICTMIME: 'refuse' }),
    expect: { outcome: 'delivered', xQhpsi: 'clean' },
  },
  {
    name: 'STRICTMIME lets ordinary mail in',
    message: () => plain,
    settings: settings({ STRICTMIME: 'refuse', SECONDLOOK: 'never' }),
    expect: { outcome: 'delivered', scans: 1, xQhpsi: 'clean' },
  },
]
