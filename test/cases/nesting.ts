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
  log: /decision=reject scan=skipped .*inside one another \(MAXNESTING\)/,
} as const

/** What becomes of mail that is nested deeper than scanners look. */
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
    name: 'a virus within MAXNESTING is refused as one',
    message: () => inMultiparts(12),
    settings: settings(),
    expect: { outcome: 'refused', text: /virus Test-Virus/ },
  },
  {
    name: 'MAXNESTING sets another limit',
    message: () => inMultiparts(3, text),
    settings: settings({ MAXNESTING: '2' }),
    expect: refused,
  },
  {
    name: 'OVERNESTING=defer asks the sender of nested mail to try again',
    message: () => inMessages(20),
    settings: settings({ OVERNESTING: 'defer' }),
    expect: {
      outcome: 'deferred',
      scans: 0,
      text: /nested too deep to be scanned.*4\.6\.0/,
      log: /decision=defer scan=skipped/,
    },
  },
  {
    name: 'OVERNESTING=accept delivers nested mail without X-QHPSI',
    message: () => inMultiparts(20, text),
    settings: settings({ OVERNESTING: 'accept' }),
    expect: {
      outcome: 'delivered',
      xQhpsi: null,
      newStamps: 0,
      log: /decision=accept scan=skipped .*MAXNESTING/,
    },
  },
  {
    name: 'OVERNESTING=accept does not deliver mail in which a scanner finds a virus',
    message: () => inMultiparts(20),
    settings: settings({ OVERNESTING: 'accept' }),
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
