import { inspect } from 'node:util'
import { clean, infected, unknown, type Verdict } from '../scanner.ts'

const EXPECTED = 'must answer { clean: true } or { infected: true, name }'

/**
 * Narrows what a plugin returned to a verdict. Only the two documented answers
 * count; one that says both, half of one, or anything else is "could not tell".
 */
export function readAnswer(value: unknown): Verdict {
  const answer = typeof value === 'object' && value !== null ? value : {}
  const said = answer as { clean?: unknown; infected?: unknown; name?: unknown }
  const saysClean = said.clean === true && !said.infected && said.name === undefined
  const saysInfected = said.infected === true && !said.clean
  if (saysClean) return clean
  if (saysInfected && typeof said.name === 'string' && said.name !== '') return infected(said.name)
  return unknown(`answered ${describe(value)}; ${EXPECTED}`)
}

function describe(value: unknown): string {
  const options = { depth: 1, breakLength: Infinity, maxStringLength: 60, maxArrayLength: 5 }
  return inspect(value, options).replace(/\s+/g, ' ').slice(0, 200)
}
