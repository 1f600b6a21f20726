import { pathToFileURL } from 'node:url'
import { errorText } from '../../ground/errors/fault.ts'
import type { Mail } from '../../plugin.ts'
import { mailOf } from './mail.ts'
import type { NotLoaded, Plugin } from './plugin.ts'
import { readAnswer } from './plugin-answer.ts'
import type { PluginRequest } from './request.ts'

type Exports = Readonly<Record<string, unknown>>

/** Loads a plugin in JavaScript or TypeScript. */
export async function loadScript({ file, symbol }: PluginRequest): Promise<Plugin | NotLoaded> {
  let exports: Exports
  try {
    exports = await import(pathToFileURL(file).href)
  } catch (error) {
    return { why: whyNotLoaded(error) }
  }
  const virusscan = findExport(exports, symbol)
  if (virusscan === undefined) {
    return { why: `exports no function ${symbol}; export it, or name another in QUEUE_PLUGIN` }
  }
  return {
    async ask(request) {
      const { mail, answered } = mailOf(request)
      try {
        return readAnswer(await virusscan(mail))
      } finally {
        answered()
      }
    },
    leftBehind: () => false,
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
