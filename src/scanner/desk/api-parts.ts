import type { Environment } from '../../base/process/environment.ts'
import { readControlDirectories } from '../../base/settings/control-directories.ts'
import type { Bytes } from '../../mail/message/bytes.ts'
import { readSpoolSettings } from '../../mail/message/spool.ts'
import type { PartNames } from '../../mail/mime/index.ts'
import type { OpenMessage } from '../scan/quarantine/entries.ts'
import { readScanSettings } from '../scan/scanners/contract/scan-settings.ts'
import type { ScanResult } from '../scan/scanners/findings/scan-result.ts'
import { makeScanners } from '../scan/scanners/make-scanners.ts'
import { scanBytes } from '../scan/scanners/run/manual-scan.ts'
import { readMessage } from './read-message.ts'
import { asUtf8 } from './shown-message.ts'

/** Upper limits for the parts that are listed, and for the names of one. */
const PARTS_MAX = 200
const NAMES_MAX = 10
/** Upper limit, in bytes, for a part that is scanned. */
const SCANNED_MAX = 25 * 1024 * 1024

/** A part of a message: what is known of it, and none of its content. */
interface ShownPart {
  /** The names that mail programs show for it. */
  readonly names: readonly string[]
  readonly types: readonly string[]
  /** The containers from which it was extracted, from the outside in. */
  readonly containers: readonly string[]
  /** Bytes, decoded. */
  readonly size: number
  /** What the scanners find in it now: `clean`, `infected`, or `unknown` if it was not scanned. */
  readonly answer: 'clean' | 'infected' | 'unknown'
  /** The name of the virus, or the reason why it is unknown. */
  readonly finding: string | null
}

interface ShownParts {
  readonly parts: readonly ShownPart[]
  readonly isComplete: boolean
}

/**
 * Reads a message as for its scan, and lists the contents that some mail program would open, each scanned now by the
 * scanners in the settings; none if the message is too large to be read. Rejects as readMessage() does.
 */
export async function partsOf(
  message: Pick<OpenMessage, 'entry' | 'message'>,
  env: Environment,
): Promise<ShownParts> {
  const shown = await readMessage(message, env, async (contents): Promise<ShownParts> => {
    const scan = await scannerBy(env)
    const parts = new Map<PartNames, ShownPart>()
    let isComplete = true
    for (const step of contents) {
      if (step.kind === 'deeper' || step.kind === 'unread') isComplete = false
      // A part that programs decode in several ways is listed once, with what was found first.
      if (step.kind !== 'content' || parts.get(step.part)?.answer === 'infected') continue
      const before = parts.get(step.part)
      if (!before && parts.size === PARTS_MAX) {
        return { parts: [...parts.values()], isComplete: false }
      }
      const { names, types, containers } = step.part
      const { size } = step.bytes
      const found = size > SCANNED_MAX ? TOO_LARGE : await scan(step.bytes)
      if (before && found.answer !== 'infected') continue
      parts.set(step.part, {
        names: names.slice(0, NAMES_MAX).map(asUtf8),
        types,
        containers,
        size,
        ...found,
      })
    }
    return { parts: [...parts.values()], isComplete }
  })
  return shown ?? { parts: [], isComplete: false }
}

type PartFinding = Pick<ShownPart, 'answer' | 'finding'>

const TOO_LARGE: PartFinding = {
  answer: 'unknown',
  finding: `parts of more than ${SCANNED_MAX} bytes are not scanned here`,
}

async function scannerBy(env: Environment): Promise<(bytes: Bytes) => Promise<PartFinding>> {
  const settings = readScanSettings(env, readControlDirectories(env))
  if (settings === undefined)
    return async () => ({ answer: 'unknown', finding: 'no scanner is set' })
  const manual = { spool: readSpoolSettings(env), scanners: await makeScanners(settings), settings }
  return async (bytes) => {
    async function* pieces() {
      yield* bytes.chunks()
    }
    return foundOf((await scanBytes(pieces(), manual)).result)
  }
}

function foundOf(result: ScanResult): PartFinding {
  switch (result.answer) {
    case 'clean':
      return { answer: 'clean', finding: null }
    case 'infected':
      return { answer: 'infected', finding: asUtf8(result.name) }
    case 'unread':
    case 'unknown':
      return { answer: 'unknown', finding: asUtf8(result.reason) }
  }
}
