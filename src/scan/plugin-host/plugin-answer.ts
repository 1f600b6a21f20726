import { inspect } from 'node:util'
import { clean, infected, type ScannerAnswer, unknown } from '../shared/scanner.ts'

const EXPECTED = 'must answer { clean: true }, { infected: true, name } or { defer: why }'

/**
 * Narrows what a plugin returned to an answer. Only the three documented answers count. Several at
 * once, a part of one, or anything else is *could not tell*.
 */
export function readAnswer(value: unknown): ScannerAnswer {
  const answer = typeof value === 'object' && value !== null ? value : {}
  const said = answer as { clean?: unknown; infected?: unknown; name?: unknown; defer?: unknown }
  const { defer } = said
  const saysClean =
    said.clean === true && !said.infected && said.name === undefined && defer === undefined
  const saysInfected = said.infected === true && !said.clean && defer === undefined
  const saysNothing = !said.clean && !said.infected && said.name === undefined
  if (saysClean) return clean
  if (saysInfected && typeof said.name === 'string' && said.name !== '') return infected(said.name)
  if (saysNothing && typeof defer === 'string' && defer !== '')
    return { answer: 'unknown', why: defer, cause: 'plugin', deliberate: true }
  return unknown(`answered ${describe(value)}; ${EXPECTED}`)
}

function describe(value: unknown): string {
  const options = { depth: 1, breakLength: Infinity, maxStringLength: 60, maxArrayLength: 5 }
  return inspect(value, options).replace(/\s+/g, ' ').slice(0, 200)
}
