import { askMilter, type FilterAnswer, type FilterPlace } from '../../../doors/milter/wire/ask.ts'
import { errorText } from '../../../runtime/fault.ts'
import { readOwnText } from '../../../runtime/path/read.ts'
import { cleanMessage, eicarMessage } from '../shared/eicar-message.ts'
import { error, type Finding, ok } from '../shared/finding.ts'
import { onescandOptions } from './places-of-onescand.ts'

/** Where the Debian package keeps onescand's settings. */
export const DEFAULTS = '/etc/default/onescand'
/** Milliseconds for a scan: more than SCANTIMEOUT's default. */
const SCAN_PATIENCE = 160_000
/** Seconds that a scan may take: SCANTIMEOUT's default. */
export const SCANTIMEOUT = 150

/** A filter as an MTA names it. */
export interface NamedMilter {
  /** What people know it by. */
  readonly what: string
  /** As onescand's --milter has it. */
  readonly address: string
  /** What becomes of mail while nobody answers there. */
  readonly meanwhile: string
  /** The settings of onescand. */
  readonly defaults: string
}

/**
 * Has a filter look at a clean message and, if it is onescand, at the EICAR test file: by the
 * milter's own protocol, so that nothing is delivered.
 */
export async function tryMilter(
  place: FilterPlace,
  milter: NamedMilter,
): Promise<{ readonly isOurs: boolean; readonly found: Finding }> {
  const { what } = milter
  try {
    const clean = await askMilter(place, cleanMessage, SCAN_PATIENCE)
    const isOurs =
      clean.added.some((field) => /^X-QHPSI:/i.test(field)) || /onescan|scan/i.test(clean.text)
    if (!isOurs) {
      return { isOurs, found: ok(what, 'answers; it is not onescand, or does not scan') }
    }
    return { isOurs, found: judgeEicar(what, await askMilter(place, eicarMessage, SCAN_PATIENCE)) }
  } catch (thrown) {
    const value = `${errorText(thrown)}: ${milter.meanwhile}`
    return { isOurs: false, found: error(what, value, startIt(milter)) }
  }
}

function judgeEicar(what: string, { kind, text, added }: FilterAnswer): Finding {
  const isTagged = added.some((field) => /^X-QHPSI: virus found$/i.test(field))
  if (kind === 'refused') return ok(what, `refuses EICAR: ${text || '550'}`)
  if (kind === 'discarded') return ok(what, 'drops EICAR')
  if (kind === 'passed' && isTagged) return ok(what, 'finds EICAR, and tags it')
  if (kind === 'deferred') {
    return error(what, `cannot tell: ${text || '451'}`, 'see the log of onescand')
  }
  return error(what, 'accepts EICAR as clean', 'see QHPSI of onescand')
}

/** What to do where nobody listens: by the settings of the package, where they are here. */
export function startIt({ address, defaults }: Omit<NamedMilter, 'what' | 'meanwhile'>): string {
  try {
    if (!onescandOptions(defaults).includes(address)) {
      return `put "--milter ${address}" into ONESCAND_OPTIONS of ${defaults}, and restart onescand`
    }
    return `start onescand: ${defaults} names this address`
  } catch {
    return `start "onescand --milter ${address}"`
  }
}

/** Whether onescand makes stamps here, as far as its settings say. */
export function makesStamps(defaults: string): boolean {
  try {
    return /^CLUSTERKEYS=["']?[^"'\s]/m.test(readOwnText(defaults))
  } catch {
    return false
  }
}
