import {
  askMilter,
  type FilterAnswer,
  type FilterPlace,
  usual,
} from '../../../doors/milter/wire/ask.ts'
import { TRIAL_MACRO } from '../../../doors/shared/trial-chain.ts'
import { errorText } from '../../../ground/runtime/fault.ts'
import { readDefaults } from '../../shared/defaults-file.ts'
import { cleanMessage, eicarMessage } from '../shared/eicar-message.ts'
import { error, type Finding, ok } from '../shared/finding.ts'

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
  /** Whether onescand is said to listen there, by its settings or by what runs. */
  readonly isKnown: boolean
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
    const clean = await ask(place, cleanMessage)
    const isTagged = clean.added.some((field) => /^X-QHPSI:/i.test(field))
    const isOurs = milter.isKnown || isTagged || /onescan|scan/i.test(clean.text)
    if (!isOurs) {
      return { isOurs, found: ok(what, 'answers; it is not onescand, or does not scan') }
    }
    const trouble = judgeClean(clean, isTagged, milter)
    if (trouble !== undefined) return { isOurs, found: trouble }
    return { isOurs, found: judgeEicar(what, await ask(place, eicarMessage)) }
  } catch (thrown) {
    const value = `${errorText(thrown)}: ${milter.meanwhile}`
    return { isOurs: false, found: error(what, value, startIt(milter)) }
  }
}

/** Marked, so that it counts in no figure. */
function ask(place: FilterPlace, message: Buffer): Promise<FilterAnswer> {
  return askMilter(place, message, SCAN_PATIENCE, { ...usual, macro: TRIAL_MACRO })
}

const SEE = 'see the findings about onescand, and its log (onescan log)'

/** What is wrong with what became of a clean message. */
function judgeClean(
  { kind, text, added }: FilterAnswer,
  isTagged: boolean,
  { what, defaults }: NamedMilter,
): Finding | undefined {
  if (kind === 'deferred') {
    return error(what, `defers a clean message, and so all mail: ${text || '451'}`, SEE)
  }
  if (kind !== 'passed' || added.some((field) => /^X-QHPSI: virus found$/i.test(field))) {
    const value = `takes a clean message for infected: ${text || kind}`
    return error(what, value, 'see the scanners of QHPSI: they may call all mail infected')
  }
  if (isTagged) return undefined
  const value = 'is onescand, and lets mail pass unscanned'
  return error(what, value, `set QHPSI in ${defaults}, and restart onescand`)
}

function judgeEicar(what: string, { kind, text, added }: FilterAnswer): Finding {
  const isTagged = added.some((field) => /^X-QHPSI: virus found$/i.test(field))
  if (kind === 'refused') return ok(what, `refuses EICAR: ${text || '550'}`)
  if (kind === 'discarded') return ok(what, 'drops EICAR')
  if (kind === 'passed' && isTagged) return ok(what, 'finds EICAR, and tags it')
  if (kind === 'deferred') {
    return error(what, `cannot tell of EICAR: ${text || '451'}`, SEE)
  }
  return error(what, 'accepts EICAR as clean', 'see QHPSI of onescand')
}

/** What to do where nobody listens: by the settings of the package, where they are here. */
export function startIt({ address, defaults }: Pick<NamedMilter, 'address' | 'defaults'>): string {
  try {
    if (!readDefaults(defaults).words.join(' ').includes(address)) {
      return `add "--milter ${address}" to ONESCAND_OPTIONS of ${defaults}, and restart onescand`
    }
    return `start onescand: ${defaults} names this address`
  } catch {
    return `start "onescand --milter ${address}"`
  }
}

/** Whether onescand makes stamps here, as far as its settings say. */
export function makesStamps(defaults: string): boolean {
  try {
    return Boolean(readDefaults(defaults).env.CLUSTERKEYS)
  } catch {
    return false
  }
}
