import { type CheckLine, failure, ok, warning } from '../../../base/check/check-line.ts'
import { attempt } from '../../../base/errors/fault.ts'
import { PROPERTIES, type Property } from '../../../base/settings/table/findings.ts'
import { Bytes } from '../../../mail/message/bytes.ts'
import { readAttachmentRules } from '../../scan/scanners/attachments/attachment-rules.ts'
import { listFingerprint, probeName } from '../../scan/scanners/attachments/ban-names.ts'
import { toSetInConf } from '../../scan/scanners/clamd/clamd-conf.ts'
import type { ClamdServer } from '../../scan/scanners/clamd/clamd-server.ts'
import type { ScanSettings } from '../../scan/scanners/contract/scan-settings.ts'
import { isSearchedFor, propertyOf } from '../../scan/scanners/findings/properties.ts'
import type { ScanResult } from '../../scan/scanners/findings/scan-result.ts'
import { compoundFile, rarOf, zipOf } from '../test-mail/test-files.ts'

/** Milliseconds for the scan of a file of some kilobytes, after those that are under way. */
const SCAN_TIMEOUT = 60_000

/** A file that clamd reports only with a certain setting, and the setting here that needs it. */
interface Probe {
  readonly setting: string
  /** The alert that must be enabled before this one is meaningful. */
  readonly after?: string
  /** Set if a site may live with it. */
  readonly isWarning?: true
  readonly isAsked: (settings: ScanSettings) => boolean
  readonly file?: ((settings: ScanSettings) => Buffer | undefined) | undefined
  /** The files, as text, if every clamd recognizes none of them, so that this cannot be tested. */
  readonly untested?: string | undefined
  readonly isNamed: (checkLine: ScanResult) => boolean
  /** The effect on mail otherwise, and the remedy. */
  readonly otherwise: string
  readonly remedy: string
}

const hasProperty = (property: Property) => (checkLine: ScanResult) =>
  checkLine.answer === 'infected' && propertyOf(checkLine.name) === property

const isBan = (checkLine: ScanResult) =>
  checkLine.answer === 'infected' && checkLine.isBanned === true

/** Returns the rules, if they can be read. Another check reports an error. */
const rulesOf = ({ BADATTACHMENTS }: ScanSettings) =>
  attempt(() => readAttachmentRules(BADATTACHMENTS))

/** A name that only the list of these settings bans. */
function nameOnList(settings: ScanSettings): Buffer | undefined {
  const rules = rulesOf(settings)
  return rules && Buffer.from(probeName(listFingerprint(rules.names)))
}

/** The names of clamd's signatures for each property. */
const alerts: Readonly<
  Record<
    Property,
    {
      /** The files, as text. */
      readonly named: string
      /** The line of its clamd.conf. */
      readonly line: string
      /** Returns a file that has the property; absent if only a signature of the site names one. */
      readonly file?: () => Buffer
    }
  >
> = {
  encrypted: {
    named: 'encrypted archives and documents',
    line: 'AlertEncrypted yes',
    file: () => zipOf(Buffer.from('a.txt'), Buffer.alloc(24, 'x'), { isEncrypted: true }),
  },
  macros: {
    named: 'documents with macros',
    line: 'AlertOLE2Macros yes',
    file: sheetWithMacros,
  },
  phishing: { named: 'links that lead elsewhere', line: 'PhishingScanURLs yes' },
  unwanted: { named: 'files that may be unwanted', line: 'DetectPUA yes' },
  structured: {
    named: 'credit card numbers',
    line: 'StructuredDataDetection yes',
    file: cardNumbers,
  },
  broken: { named: 'broken programs', line: 'AlertBrokenExecutables yes', file: brokenProgram },
}

const probes: readonly Probe[] = [
  ...PROPERTIES.map((property): Probe => {
    const { named, line, file } = alerts[property]
    return {
      setting: `FINDINGS ${property}`,
      isAsked: ({ FINDINGS }) => isSearchedFor(property, FINDINGS),
      file,
      untested: file === undefined ? named : undefined,
      isNamed: hasProperty(property),
      otherwise: `clamd does not report ${named}: they are delivered as clean`,
      remedy: toSetInConf(line),
    }
  }),
  {
    setting: 'ARCHIVEBANS',
    isAsked: ({ ARCHIVEBANS }) => ARCHIVEBANS === 'on',
    file: (settings) => {
      const name = nameOnList(settings)
      return name && zipOf(name, Buffer.from('x'))
    },
    isNamed: isBan,
    otherwise:
      'clamd does not have the list of BADATTACHMENTS: mail with banned names in archives is accepted',
    remedy:
      'run onescan bans --install; for a clamd on another host or in a container see onescan-clamav(7)',
  },
  {
    setting: 'ARCHIVEBANS RAR',
    after: 'ARCHIVEBANS',
    isWarning: true,
    isAsked: ({ ARCHIVEBANS }) => ARCHIVEBANS === 'on',
    file: (settings) => {
      const name = nameOnList(settings)
      return name && !rulesOf(settings)?.bansName('a.rar') ? rarOf(name) : undefined
    },
    isNamed: isBan,
    otherwise: 'clamd does not open RAR: mail with banned names in it is accepted',
    remedy: 'install libclamunrar (on Debian it is in non-free), or ban *.rar',
  },
]

/** Checks with made-up files whether clamd reports what settings require. */
export async function checkAlerts(
  server: ClamdServer,
  settings: ScanSettings,
): Promise<CheckLine[]> {
  const checkLines: CheckLine[] = []
  const served = new Set<string>()
  for (const probe of probes) {
    const { setting, after, isWarning, isAsked, file, untested, isNamed, otherwise, remedy } = probe
    if (!isAsked(settings)) continue
    const what = `clamd ${server.address.text} ${setting}`
    if (untested !== undefined) {
      checkLines.push(ok(what, `cannot be tested: if ${untested} are delivered, ${remedy}`))
      continue
    }
    const content = file?.(settings)
    if (content === undefined || (after !== undefined && !served.has(after))) continue
    const signal = AbortSignal.timeout(SCAN_TIMEOUT)
    const outcome = await server.scan([{ bytes: Bytes.of(content) }], { signal, note() {} })
    const reply = outcome.kind === 'answered' ? outcome.reply : undefined
    if (reply === undefined || reply.answer === 'unknown') {
      checkLines.push(failure(what, 'it is unknown whether clamd reports this', "read clamd's log"))
    } else if (isNamed(reply)) {
      served.add(setting)
      checkLines.push(ok(what, 'clamd reports it'))
    } else checkLines.push((isWarning ? warning : failure)(what, otherwise, remedy))
  }
  return checkLines
}

/**
 * Returns numbers of cards that pass Luhn's test: more than clamd requires (StructuredMinCreditCardCount).
 */
function cardNumbers(): Buffer {
  return Buffer.from('4111 1111 1111 1111\n5500 0000 0000 0004\n4012 8888 8888 1881\n'.repeat(50))
}

/** The header of an ELF program for x86-64 that has more program headers than any has. */
function brokenProgram(): Buffer {
  const header = Buffer.alloc(4096)
  header.write('7f454c46020101', 0, 'hex')
  header.write('02003e0001000000', 16, 'hex')
  header.writeUInt16LE(56, 54) // bytes of a program header
  header.writeUInt16LE(60_000, 56) // the number of program headers
  return header
}

/** A workbook of Excel with a sheet of macros ([MS-XLS] 2.4.28), and nothing else in it. */
function sheetWithMacros(): Buffer {
  const records = '09081000 0006050000000000 0000000000000000' // BOF
  // BoundSheet8: a visible sheet of macros, "abcd"; EOF.
  const rest = '85000c00 64000000 00 01 0400 61626364 0a000000'
  return compoundFile('Workbook', Buffer.from(`${records}${rest}`.replaceAll(' ', ''), 'hex'))
}
