import { attempt } from '../../ground/errors/fault.ts'
import { error, type Finding, ok } from '../../ground/errors/finding.ts'
import { readAttachmentRules } from '../../scan/scanners/attachments/rules.ts'
import type { ClamdAddress } from '../../scan/scanners/clamd/address.ts'
import { scanStream } from '../../scan/scanners/clamd/sessions.ts'
import { listFingerprint, probeName } from '../../scan/scanners/shared/ban-names.ts'
import type { ScanFinding } from '../../scan/scanners/shared/finding.ts'
import { propertyOf } from '../../scan/scanners/shared/properties.ts'
import type { ScanSettings } from '../../scan/scanners/shared/scan-settings.ts'
import { zipOf } from './eicar-message.ts'

/** Milliseconds for the scan of a file of some kilobytes, behind those that are under way. */
const WITHIN = 60_000

/** A file in which clamd names something only if it is set to, and what asks for that here. */
interface Probe {
  readonly setting: string
  readonly isAsked: (settings: ScanSettings) => boolean
  readonly file: (settings: ScanSettings) => Buffer | undefined
  readonly isNamed: (finding: ScanFinding) => boolean
  /** What becomes of mail otherwise, and the remedy. */
  readonly otherwise: string
  readonly remedy: string
}

const hasProperty = (property: string) => (finding: ScanFinding) =>
  finding.answer === 'infected' && propertyOf(finding.name) === property

const probes: readonly Probe[] = [
  {
    setting: 'ENCRYPTED',
    isAsked: ({ ENCRYPTED }) => ENCRYPTED !== 'virus' && ENCRYPTED !== 'accept',
    file: () => zipOf(Buffer.from('a.txt'), Buffer.alloc(24, 'x'), 0, { isEncrypted: true }),
    isNamed: hasProperty('encrypted'),
    otherwise: 'clamd does not name encrypted archives and documents, which get in',
    remedy: 'set "AlertEncrypted yes" in its clamd.conf, and restart clamd',
  },
  {
    setting: 'MACROS',
    isAsked: ({ MACROS }) => MACROS !== 'virus' && MACROS !== 'accept',
    file: sheetWithMacros,
    isNamed: hasProperty('macros'),
    otherwise: 'clamd does not name documents with macros, which get in',
    remedy: 'set "AlertOLE2Macros yes" in its clamd.conf, and restart clamd',
  },
  {
    setting: 'ARCHIVEBANS',
    isAsked: ({ ARCHIVEBANS }) => ARCHIVEBANS === 'on',
    file: ({ BADATTACHMENTS }) => {
      const rules = attempt(() => readAttachmentRules(BADATTACHMENTS)) // another check tells of it
      const name = rules && probeName(listFingerprint(rules.names))
      return name === undefined ? undefined : zipOf(Buffer.from(name), Buffer.from('x'), 0x8cdc1683)
    },
    isNamed: (finding) => finding.answer === 'infected' && finding.banned === true,
    otherwise: 'clamd does not have the list of BADATTACHMENTS: banned names in archives get in',
    remedy: 'give it the list as onescan-clamav(7) says under NAMES INSIDE ARCHIVES',
  },
]

/** Asks clamd by made-up files whether it names what settings ask for. */
export async function checkAlerts(
  server: ClamdAddress,
  settings: ScanSettings,
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { setting, isAsked, file, isNamed, otherwise, remedy } of probes) {
    const content = isAsked(settings) ? file(settings) : undefined
    if (content === undefined) continue
    const what = `clamd ${server.text} ${setting}`
    const signal = AbortSignal.timeout(WITHIN)
    const outcome = await scanStream(server, { chunks: () => [content] }, signal)
    const answer = outcome.kind === 'answered' ? outcome.answer : undefined
    if (answer === undefined || answer.answer === 'unknown') {
      findings.push(error(what, 'clamd could not be asked whether it serves this', 'see its log'))
    } else if (isNamed(answer)) findings.push(ok(what, 'clamd names it'))
    else findings.push(error(what, otherwise, remedy))
  }
  return findings
}

/** A workbook of Excel with a sheet of macros ([MS-CFB] 2, [MS-XLS] 2.4.28), and nothing else in it. */
function sheetWithMacros(): Buffer {
  const [end, free, fatSector] = [0xfffffffe, 0xffffffff, 0xfffffffd]
  const header = Buffer.alloc(512, 0xff)
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(header)
  header.fill(0, 8, 76)
  // Versions, byte order, sizes of sectors: 512 and 64 bytes.
  for (const [at, word] of [0x3e, 3, 0xfffe, 9, 6].entries())
    header.writeUInt16LE(word, 24 + 2 * at)
  // Sectors of the table, the directory's, those of small streams and of tables of tables.
  for (const [at, word] of [1, 1, 0, 4096, end, 0, end, 0, 0].entries()) {
    header.writeUInt32LE(word, 44 + 4 * at)
  }
  const words = [fatSector, end, 3, 4, 5, 6, 7, 8, 9, end]
  const table = Buffer.alloc(512, 0xff)
  for (const [at, word] of words.entries()) table.writeUInt32LE(word, 4 * at)

  const entry = (name: string, kind: number, start: number, size: number, child: number) => {
    const bytes = Buffer.alloc(128)
    const length = bytes.write(name, 'utf16le') + 2
    bytes.writeUInt16LE(length, 64)
    bytes.set([kind, 1], 66)
    for (const [at, word] of [free, free, child].entries()) bytes.writeUInt32LE(word, 68 + 4 * at)
    bytes.writeUInt32LE(start, 116)
    bytes.writeUInt32LE(size, 120)
    return bytes
  }
  const directory = Buffer.alloc(512)
  entry('Root Entry', 5, end, 0, 1).copy(directory)
  entry('Workbook', 2, 2, 4096, free).copy(directory, 128)

  const workbook = Buffer.alloc(4096)
  const records = '09081000 0006050000000000 0000000000000000' // BOF
  // BoundSheet8: a visible sheet of macros, "abcd"; EOF.
  Buffer.from(
    `${records} 85000c00 64000000 00 01 0400 61626364 0a000000`.replaceAll(' ', ''),
    'hex',
  ).copy(workbook)
  return Buffer.concat([header, table, directory, workbook])
}
