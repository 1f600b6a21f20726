import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { TRIAL_MACRO } from '../../../doors/shared/trial-chain.ts'
import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok } from '../../../ground/errors/finding.ts'
import { readSetting } from '../../../ground/settings/read.ts'
import { table } from '../../../ground/settings/table.ts'
import { cleanMessage, eicarMessage } from '../../../scan/eicar/eicar-message.ts'
import { readDefaults } from '../../shared/defaults-file.ts'
import { howToStart } from '../shared/how-to-start.ts'
import type { ServiceAddress } from '../shared/service-address.ts'
import { askMilter, type FilterAnswer, usualClient } from './ask-milter.ts'
import { milterPlaces, type OnescandSources } from './onescand-addresses.ts'

/** Milliseconds for a scan: more than the default of SCANTIMEOUT. */
const SCAN_PATIENCE = (table.SCANTIMEOUT.default + 10) * 1000

/** A milter that an MTA asks. */
export interface ConfiguredMilter extends OnescandSources {
  /** Its name in findings, as its administrator knows it. */
  readonly what: string
  /** Its address, in the form of onescand's --milter. */
  readonly address: string
  /** What happens to mail while nobody answers at the address. */
  readonly meanwhile: string
  /** Whether onescand should listen there, by its settings or by the onescand that runs. */
  readonly isKnown: boolean
  /** What to do to name another address of --milter instead. */
  readonly nameInstead: (address: string) => string
}

/** The result of the trial of a milter. */
export interface TriedMilter {
  /** Whether it is onescand. */
  readonly isOnescand: boolean
  readonly finding: Finding
}

/**
 * Has a milter look at a clean message and, if it is onescand, at the EICAR test file. The milter's
 * own protocol is spoken, so nothing is delivered.
 */
export async function tryMilter(
  address: ServiceAddress,
  milter: ConfiguredMilter,
): Promise<TriedMilter> {
  const { what } = milter
  try {
    const clean = await ask(address, cleanMessage)
    const isTagged = clean.added.some((field) => /^X-QHPSI:/i.test(field))
    const isOnescand = milter.isKnown || isTagged || /onescan|scan/i.test(clean.text)
    if (!isOnescand) {
      return { isOnescand, finding: ok(what, 'answers; it is not onescand, or does not scan') }
    }
    const trouble = judgeClean(clean, isTagged, milter)
    if (trouble !== undefined) return { isOnescand, finding: trouble }
    return { isOnescand, finding: judgeEicar(what, await ask(address, eicarMessage)) }
  } catch (thrown) {
    const value = `${errorText(thrown)}: ${milter.meanwhile}`
    return { isOnescand: false, finding: notListening(what, value, milter) }
  }
}

/** Asks a milter about a message. The macro marks it as a test, so that it counts in no figure. */
function ask(address: ServiceAddress, message: Buffer): Promise<FilterAnswer> {
  return askMilter(address, message, SCAN_PATIENCE, { ...usualClient, macro: TRIAL_MACRO })
}

const SEE = 'see the findings about onescand, and its log (onescan log)'

/** What is wrong with the milter's answer to a clean message; undefined if nothing is. */
function judgeClean(
  { kind, text, added }: FilterAnswer,
  isTagged: boolean,
  { what, defaults }: ConfiguredMilter,
): Finding | undefined {
  if (kind === 'deferred') {
    const value = `defers a clean message, and so all mail: ${text || '451'}`
    return { ...error(what, value, SEE), follows: 'nothing scans' }
  }
  if (kind !== 'passed' || added.some((field) => /^X-QHPSI: virus found$/i.test(field))) {
    const value = `takes a clean message for infected: ${text || kind}`
    return error(what, value, 'see the scanners of QHPSI: they may call all mail infected')
  }
  if (isTagged) return undefined
  const value = 'is onescand, and lets mail pass unscanned'
  const remedy = `set QHPSI in ${defaults}, and restart onescand`
  return { ...error(what, value, remedy), follows: 'nothing scans' }
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

/**
 * The finding that nobody listens at an address. onescand is told to listen there only if it listens
 * nowhere else: otherwise the name is misspelt, or it is that of another milter, which is down.
 */
export function notListening(
  what: string,
  value: string,
  {
    address,
    defaults,
    running,
    nameInstead,
  }: Omit<ConfiguredMilter, 'what' | 'meanwhile' | 'isKnown'>,
): Finding {
  const own = milterPlaces({ defaults, running })
  if (own.length === 0) return error(what, value, listenThere(address, defaults, nameInstead))
  if (!own.includes(address)) {
    const remedy = `start the milter that should listen there or, if it is onescand, ${nameInstead(own[0]!)}`
    return error(what, value, remedy)
  }
  const remedy = `start onescand: ${howToStart()}; ${defaults} names this address`
  return { ...error(what, value, remedy), follows: 'stops the start' }
}

/** Where onescand is to listen if it listens nowhere: not in a directory that is not there. */
const ELSEWHERE = 'inet:127.0.0.1:8890'

function listenThere(
  address: string,
  defaults: string,
  nameInstead: ConfiguredMilter['nameInstead'],
): string {
  const [, path] = /^unix:(.*)$/.exec(address) ?? []
  const isPossible = path === undefined || existsSync(dirname(path))
  const place = isPossible ? address : ELSEWHERE
  const option = existsSync(defaults)
    ? `add "--milter ${place}" to ONESCAND_OPTIONS of ${defaults}, and restart onescand`
    : `start "onescand --milter ${place}"`
  return isPossible ? option : `${option}; then ${nameInstead(place)}`
}

/** Whether onescand makes stamps on this host, as far as its settings show. */
export function makesStamps(defaults: string): boolean {
  try {
    return Boolean(readDefaults(defaults).env.CLUSTERKEYS)
  } catch {
    return false
  }
}

/** Returns the seconds that onescand gives a scan, by its settings if they can be read. */
export function scanTimeout(defaults: string): number {
  try {
    return readSetting(readDefaults(defaults).env, 'SCANTIMEOUT')
  } catch {
    return table.SCANTIMEOUT.default
  }
}
