import {
  askMilter,
  type FilterAnswer,
  type ServiceAddress,
  usualClient,
} from '../../../doors/milter/wire/ask.ts'
import { TRIAL_MACRO } from '../../../doors/shared/trial-chain.ts'
import { errorText } from '../../../ground/errors/fault.ts'
import { table } from '../../../ground/settings/table.ts'
import { readDefaults } from '../../shared/defaults-file.ts'
import { cleanMessage, eicarMessage } from '../shared/eicar-message.ts'
import { error, type Finding, ok } from '../shared/finding.ts'
import { howToStart } from '../shared/how-to-start.ts'

/** The default of SCANTIMEOUT, in seconds. */
export const SCANTIMEOUT = table.SCANTIMEOUT.standard
/** Milliseconds for a scan: more than the default of SCANTIMEOUT. */
const SCAN_PATIENCE = (SCANTIMEOUT + 10) * 1000

/** A filter as an MTA names it. */
export interface ConfiguredMilter {
  /** The name that administrators know it by. */
  readonly what: string
  /** In the form of onescand's --milter. */
  readonly address: string
  /** What happens to mail while nobody answers there. */
  readonly meanwhile: string
  /** The file of onescand's settings. */
  readonly defaults: string
  /** Whether onescand should listen there, by its settings or by the onescand that runs. */
  readonly isKnown: boolean
}

/**
 * Has a filter look at a clean message and, if it is onescand, at the EICAR test file. It speaks
 * the milter's own protocol, so nothing is delivered.
 */
export async function tryMilter(
  place: ServiceAddress,
  milter: ConfiguredMilter,
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

/** The question is marked as a test, so that it counts in no figure. */
function ask(place: ServiceAddress, message: Buffer): Promise<FilterAnswer> {
  return askMilter(place, message, SCAN_PATIENCE, { ...usualClient, macro: TRIAL_MACRO })
}

const SEE = 'see the findings about onescand, and its log (onescan log)'

/** What is wrong with the filter's answer to a clean message. */
function judgeClean(
  { kind, text, added }: FilterAnswer,
  isTagged: boolean,
  { what, defaults }: ConfiguredMilter,
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

/** The remedy if nobody listens there. It names the package's settings if they are on this host. */
export function startIt({
  address,
  defaults,
}: Pick<ConfiguredMilter, 'address' | 'defaults'>): string {
  try {
    if (!readDefaults(defaults).words.join(' ').includes(address)) {
      return `add "--milter ${address}" to ONESCAND_OPTIONS of ${defaults}, and restart onescand`
    }
    return `start onescand: ${howToStart()}; ${defaults} names this address`
  } catch {
    return `start "onescand --milter ${address}"`
  }
}

/** Whether onescand makes stamps on this host, as far as its settings show. */
export function makesStamps(defaults: string): boolean {
  try {
    return Boolean(readDefaults(defaults).env.CLUSTERKEYS)
  } catch {
    return false
  }
}
