import {
  attached,
  forwarded,
  inMultipart,
  message,
  multipart,
  text,
  wrap,
} from '../mail/mime/nested-mail.ts'
import type { Case, Stage } from './case.ts'

const VIRUS = 'Content-Type: text/plain\n\nVIRUS\n'

export const inMultiparts = (levels: number, part = VIRUS) =>
  message(wrap(levels, part, inMultipart))
const inMessages = (levels: number, part = VIRUS) => message(wrap(levels, part, attached))
const settings = (more: Readonly<Record<string, string>> = {}) => {
  return ({ scanner, file }: Stage) => ({
    QHPSI: scanner,
    REJECTVIRUS: '1',
    CLUSTERKEYS: file('ring', 'md5:one:of-sixteen-bytes\n'),
    ...more,
  })
}
const refused = {
  outcome: 'refused',
  scans: 0,
  text: /nested too deep to be scanned.*5\.6\.0/,
  log: /decision=reject scan=skipped .*more than 14 messages or multiparts inside one another/,
} as const

/** What happens to mail that is nested deeper than scanners look. */
export const nesting: readonly Case[] = [
  {
    // promise: depth
    name: 'a message of twenty multiparts is refused, and no scanner is asked',
    message: () => inMultiparts(20),
    settings: settings(),
    expect: refused,
  },
  {
    // promise: depth
    name: 'a message of twenty attached messages is refused, and no scanner is asked',
    message: () => inMessages(20),
    settings: settings(),
    expect: refused,
  },
  {
    name: 'a message of twenty forwards is refused, and no scanner is asked',
    message: () => message(wrap(20, VIRUS, forwarded)),
    settings: settings(),
    expect: refused,
  },
  {
    name: 'ten forwards of forwards are scanned as other mail',
    message: () => message(wrap(10, multipart([text, text]), forwarded)),
    settings: settings(),
    expect: { outcome: 'delivered', xQhpsi: 'clean', newStamps: 1 },
  },
  {
    name: 'a virus fourteen multiparts deep is refused as one',
    message: () => inMultiparts(14),
    settings: settings(),
    expect: { outcome: 'refused', text: /virus Test-Virus/ },
  },
  {
    name: 'a fifteenth multipart is one too many',
    message: () => inMultiparts(15, text),
    settings: settings(),
    expect: refused,
  },
  {
    name: 'UNREAD=defer asks the sender of nested mail to try again',
    message: () => inMessages(20),
    settings: settings({ UNREAD: 'defer' }),
    expect: {
      outcome: 'deferred',
      scans: 0,
      text: /nested too deep to be scanned.*4\.6\.0/,
      log: /decision=defer scan=skipped/,
    },
  },
  {
    name: 'UNREAD=accept delivers nested mail without X-QHPSI',
    message: () => inMultiparts(20, text),
    settings: settings({ UNREAD: 'accept' }),
    expect: {
      outcome: 'delivered',
      xQhpsi: null,
      newStamps: 0,
      log: /decision=accept scan=skipped .*inside one another/,
    },
  },
  {
    name: 'UNREAD=accept does not deliver mail in which a scanner finds a virus',
    message: () => inMultiparts(20),
    settings: settings({ UNREAD: 'accept' }),
    expect: { outcome: 'refused', text: /virus Test-Virus/ },
  },
  {
    name: 'SCANFAIL=accept and OVERSIZE=accept do not apply to nested mail',
    message: () => inMultiparts(20, text),
    settings: settings({ SCANFAIL: 'accept', OVERSIZE: 'accept' }),
    expect: refused,
  },
  {
    name: 'a plugin is not asked about nested mail either',
    message: () => inMultiparts(20, text),
    settings: settings({ QHPSI: 'plugin: eicar' }),
    expect: refused,
  },
]
