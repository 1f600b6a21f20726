import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { errorText } from '../../../ground/errors/fault.ts'
import type { Mail } from '../../../plugin.ts'
import { clean, infected, type ScanFinding, unknown } from '../shared/finding.ts'
import { mailOf } from './mail.ts'
import type { Plugin, PluginRequest } from './protocol.ts'

type Exports = Readonly<Record<string, unknown>>

/** Loads a plugin in JavaScript or TypeScript. If it cannot, that is the answer: *could not tell*. */
export async function loadScript({ file, symbol }: PluginRequest): Promise<Plugin | ScanFinding> {
  let exports: Exports
  try {
    exports = await import(pathToFileURL(file).href)
  } catch (error) {
    return unknown(whyNotLoaded(error))
  }
  const virusscan = findExport(exports, symbol)
  if (virusscan === undefined) {
    return unknown(`exports no function ${symbol}; export it, or name another in QUEUE_PLUGIN`)
  }
  return async (request) => {
    const { mail, answered } = mailOf(request)
    try {
      return readAnswer(await virusscan(mail))
    } finally {
      answered()
    }
  }
}

/** Finds a named export, or a property of the default export: module.exports of CommonJS. */
function findExport(exports: Exports, symbol: string): ((mail: Mail) => unknown) | undefined {
  for (const holder of [exports, exports.default]) {
    const found = isHolder(holder) && Object.hasOwn(holder, symbol) ? holder[symbol] : undefined
    if (typeof found === 'function') return found as (mail: Mail) => unknown
  }
  return undefined
}

function isHolder(value: unknown): value is Exports {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function whyNotLoaded(error: unknown): string {
  const kind = error instanceof Error ? `${error.name}: ` : ''
  const isModule = /Unexpected token 'export'|Cannot use import statement/.test(errorText(error))
  const remedy = isModule ? '; an ES module must have a name in .mjs' : ''
  return `cannot be loaded: ${kind}${errorText(error)}${remedy}`
}

const EXPECTED = 'must answer { clean: true }, { infected: true, name } or { defer: why }'

/**
 * Narrows what a plugin returned to an answer. Only the three documented answers count. Several at
 * once, a part of one, or anything else is *could not tell*.
 */
function readAnswer(value: unknown): ScanFinding {
  const answer = typeof value === 'object' && value !== null ? value : {}
  const said = answer as { clean?: unknown; infected?: unknown; name?: unknown; defer?: unknown }
  const { defer } = said
  const saysClean =
    said.clean === true && !said.infected && said.name === undefined && defer === undefined
  const saysInfected = said.infected === true && !said.clean && defer === undefined
  const saysNothing = !said.clean && !said.infected && said.name === undefined
  if (saysClean) return clean
  if (saysInfected && typeof said.name === 'string' && said.name !== '') return infected(said.name)
  if (saysNothing && typeof defer === 'string' && defer !== '') return unknown(defer, 'plugin')
  return unknown(`answered ${describe(value)}; ${EXPECTED}`)
}

function describe(value: unknown): string {
  const options = { depth: 1, breakLength: Infinity, maxStringLength: 60, maxArrayLength: 5 }
  return inspect(value, options).replace(/\s+/g, ' ').slice(0, 200)
}
