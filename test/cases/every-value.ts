import type { Test } from 'tap'
import {
  FINDING_ACTIONS,
  PROPERTIES,
  type Property,
} from '../../src/base/settings/table/findings.ts'
import type { Setting } from '../../src/base/settings/table/kinds.ts'
import { mailSettings, settingTable } from '../../src/base/settings/table.ts'
import {
  clean,
  infected,
  type ScanResult,
  unread,
} from '../../src/scanner/scan/scanners/findings/scan-result.ts'
import { bytes } from './case.ts'
import { plain } from './messages.ts'
import { buildStage } from './stage.ts'

/** Every value of every setting that decides about mail, at a door, with each result of a scan. */

export type Environment = Readonly<Record<string, string>>

/** What becomes of a message. `tagged` is delivered with "virus found", `clean` with "clean", and `untagged` with neither. */
export type Fate = 'clean' | 'tagged' | 'untagged' | 'deferred' | 'refused' | 'dropped'

/** Opens a door in which `scan` takes the place of all scanners. */
export type OpenForValues = (
  t: Test,
  settings: Environment,
  scan: () => Promise<ScanResult>,
) => Promise<{
  /** Sends a message. Resolves to what became of it; `delivered` is what came out. */
  send(message: Buffer): Promise<{ readonly outcome: string; readonly delivered?: Buffer }>
  /** Log lines about trouble of the door itself. */
  readonly log: readonly string[]
}>

/** A name by which clamd reports each property. */
export const namesOfProperties: Readonly<Record<Property, string>> = {
  encrypted: 'Heuristics.Encrypted.Zip',
  macros: 'Heuristics.OLE2.ContainsMacros.VBA',
  phishing: 'Heuristics.Phishing.Email.SpoofedDomain',
  unwanted: 'PUA.Win.Packer',
  structured: 'Heuristics.Structured.CreditCardNumber',
  broken: 'Heuristics.Broken.Executable',
}

/** What onescan-settings(5) states about a result. */
interface Row {
  readonly result: ScanResult
  /** The word of the setting that decides. */
  readonly word: (env: Environment) => string
}

const ofMalware = ({ REJECTVIRUS, QUARANTINE, VIRUSFORWARD }: Environment): string => {
  if (REJECTVIRUS === '1') return 'refuse'
  if (QUARANTINE) return 'quarantine'
  return REJECTVIRUS === '2' && !VIRUSFORWARD ? 'drop' : 'tag'
}

const ofFinding = (property: Property, { FINDINGS }: Environment): string | undefined => {
  const [what, word] = (FINDINGS ?? '').split('=')
  return what === property && word !== 'virus' ? word : undefined
}

/** The value of a setting that is a word, or its default. */
const wordOf = (name: 'SCANFAIL' | 'OVERSIZE' | 'UNREAD' | 'STRICTMIME') => (env: Environment) =>
  env[name] ?? settingTable[name].default

const ofTooLarge = (env: Environment): string =>
  env.OVERSIZE === 'accept' ? 'accept' : wordOf('SCANFAIL')(env)

const rows: Readonly<Record<string, Row>> = {
  clean: { result: clean, word: () => 'clean' },
  malware: { result: infected('Win.Test'), word: ofMalware },
  ...Object.fromEntries(
    PROPERTIES.map((property): [string, Row] => [
      property,
      {
        result: infected(namesOfProperties[property]),
        word: (env) => ofFinding(property, env) ?? ofMalware(env),
      },
    ]),
  ),
  unknown: {
    result: { answer: 'unknown', reason: 'x', cause: 'timeout' },
    word: wordOf('SCANFAIL'),
  },
  'too large': { result: unread('size', 'x'), word: ofTooLarge },
  // The message has no archive, so this limit is about the message itself.
  'too large unpacked': { result: unread('unpacked', 'x'), word: ofTooLarge },
  'nested too deep': { result: unread('depth', 'x'), word: wordOf('UNREAD') },
  'too much inside': { result: unread('contents', 'x'), word: wordOf('UNREAD') },
  'encrypted mail': {
    result: unread('encrypted', 'x'),
    word: (env) => ofFinding('encrypted', env) ?? 'accept',
  },
  oddities: { result: unread('oddities', 'x'), word: wordOf('STRICTMIME') },
}

const fates: Readonly<Record<string, Fate>> = {
  clean: 'clean',
  accept: 'untagged',
  off: 'untagged',
  tag: 'tagged',
  defer: 'deferred',
  refuse: 'refused',
  quarantine: 'dropped',
  drop: 'dropped',
}

/** Values of settings that are neither words nor numbers. Others name a place or a program. */
const texts: Readonly<Record<string, readonly string[]>> = {
  REJECTVIRUS: ['0', '1', '2'],
  VIRUSFORWARD: ['postmaster@example.org'],
  REFUSALTEXT: ['no {virus} {reason} {id} {host}'],
  QUARANTINE: ['a directory'],
  FINDINGS: PROPERTIES.flatMap((property) =>
    FINDING_ACTIONS.map((action) => `${property}=${action}`),
  ),
  BADATTACHMENTS: ['*.exe'],
}

const places = ['QHPSI', 'PLUGINDIR', 'QUEUE_PLUGIN', 'CLAMD', 'CLAMDBDIR']
const ofTls = ['CLAMDCERT', 'CLAMDKEY', 'CLAMDCA']

function valuesOf(name: string, setting: Setting): readonly string[] {
  switch (setting.kind) {
    case 'word':
      return setting.words
    case 'number':
      // 0 means clean, and 1 infected.
      if (name === 'QHPSIRC' || name === 'QHPSIRN') return ['2', String(setting.max)]
      return [setting.min, setting.max].map(String)
    case 'size':
      return ['0', '1', '1G']
    case 'text':
      return texts[name] ?? []
  }
}

/**
 * Sends mail with each result through a door, under each value of each setting of the table that decides
 * about mail. `by` returns the word that applies at this door in place of that of a setting.
 */
export async function playEveryValue(
  t: Test,
  open: OpenForValues,
  by = (_row: string, word: string, _env: Environment): string => word,
): Promise<void> {
  const settings: readonly (readonly [string, Setting])[] = Object.entries(mailSettings)
  let number = 0
  for (const [name, setting] of settings) {
    const values = valuesOf(name, setting)
    if (values.length === 0) t.ok([...places, ...ofTls].includes(name), `${name} has values here`)
    for (const value of values) {
      const { quarantine } = buildStage(t)
      const env = {
        ...((name === 'QUARANTINE' || value.endsWith('quarantine')) && { QUARANTINE: quarantine }),
        ...(name !== 'QUARANTINE' && { [name]: value }),
      }
      let result = clean
      const door = await open(
        t,
        { QHPSI: 'plugin: eicar', BADATTACHMENTS: '*.exe', ...env },
        async () => result,
      )
      for (const [what, row] of Object.entries(rows)) {
        result = row.result
        // The verdict about a copy would be cached.
        const message = bytes(`${plain.toString('latin1')}${number++}\n`)
        const { outcome, delivered } = await door.send(message)
        const word = isUnscanned(message, env) ? 'accept' : row.word(env)
        t.equal(fateOf(outcome, delivered), fates[by(what, word, env)], `${name}=${value}: ${what}`)
      }
      t.same(door.log, [], `${name}=${value}`)
    }
  }
  t.ok(number > 800, `${number} messages`)
}

/** Whether a message is outside the sizes that are scanned. */
function isUnscanned(message: Buffer, { QHPSIMINSIZE, QHPSIMAXSIZE }: Environment): boolean {
  return QHPSIMINSIZE === '1G' || (QHPSIMAXSIZE === '1' && message.length > 1)
}

function fateOf(outcome: string, delivered: Buffer | undefined): string {
  if (outcome !== 'delivered' || delivered === undefined) return outcome
  const [, value] = /^X-QHPSI: (.*?)\r?$/m.exec(delivered.toString('latin1')) ?? []
  return value === undefined ? 'untagged' : value === 'clean' ? 'clean' : 'tagged'
}
