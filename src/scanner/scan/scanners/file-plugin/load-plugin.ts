import { writeSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { attempt, errorText } from '../../../../base/errors/fault.ts'
import { requireSystem } from '../../../../base/runtime/system.ts'
import type { Mail, NamedPart } from '../../../plugin.ts'
import { clean, infected, type ScanResult, unknown } from '../findings/scan-result.ts'
import type { Plugin, PluginRequest } from './protocol.ts'

/**
 * Loads a plugin, a script or a library in C by the extension of its file. If it cannot be loaded, that is
 * the answer: *unknown*.
 */
export function loadPlugin(request: PluginRequest): Promise<Plugin | ScanResult> {
  return extname(request.file) === '.so' ? loadSharedObject(request) : loadScript(request)
}

type Exports = Readonly<Record<string, unknown>>

/** Loads a plugin in JavaScript or TypeScript. */
async function loadScript({ file, symbol }: PluginRequest): Promise<Plugin | ScanResult> {
  let exports: Exports
  try {
    exports = await import(pathToFileURL(file).href)
  } catch (error) {
    return unknown(whyNotLoaded(error))
  }
  const virusscan = findExport(exports, symbol)
  if (virusscan === undefined) {
    return unknown(`exports no function ${symbol}; export it, or set another in QUEUE_PLUGIN`)
  }
  return async (request, timeLeft) => {
    const { mail, answered } = mailOf(request, timeLeft)
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
  const remedy = isModule ? '; the name of an ES module must end in .mjs' : ''
  return `cannot be loaded: ${kind}${errorText(error)}${remedy}`
}

const EXPECTED = 'must return { clean: true }, { infected: true, name } or { defer: why }'

/**
 * Narrows what a plugin returned to an answer. Only the three documented answers count. Several at
 * once, a part of one, or anything else is *unknown*.
 */
function readAnswer(value: unknown): ScanResult {
  const answer = typeof value === 'object' && value !== null ? value : {}
  const fields = answer as { clean?: unknown; infected?: unknown; name?: unknown; defer?: unknown }
  const { defer } = fields
  const isClean =
    fields.clean === true && !fields.infected && fields.name === undefined && defer === undefined
  const isInfected = fields.infected === true && !fields.clean && defer === undefined
  const hasNoVerdict = !fields.clean && !fields.infected && fields.name === undefined
  if (isClean) return clean
  if (isInfected && typeof fields.name === 'string' && fields.name !== '')
    return infected(fields.name)
  if (hasNoVerdict && typeof defer === 'string' && defer !== '') return unknown(defer, 'plugin')
  return unknown(`answered ${describe(value)}; ${EXPECTED}`)
}

function describe(value: unknown): string {
  const options = {
    depth: 1,
    breakLength: Number.POSITIVE_INFINITY,
    maxStringLength: 60,
    maxArrayLength: 5,
  }
  return inspect(value, options).replace(/\s+/g, ' ').slice(0, 200)
}

/**
 * A plugin's own signal fires before it is killed: by this share of its time, and at most this many
 * milliseconds.
 */
const WARNING_SHARE = 0.1
const WARNING_MAX = 1000

/**
 * Makes the mail that a plugin gets. Call `answered` when it has answered, so that its signal no longer fires.
 */
function mailOf(
  { origin, ...request }: PluginRequest,
  timeLeft: number,
): {
  readonly mail: Mail
  answered(): void
} {
  const { path, size, part, parts, hasMoreNames, sender, recipients } = request
  const warning = new AbortController()
  const timer = setTimeout(
    () => warning.abort(new DOMException('SCANTIMEOUT is near', 'TimeoutError')),
    Math.floor(timeLeft - Math.min(timeLeft * WARNING_SHARE, WARNING_MAX)),
  )
  timer.unref()
  return {
    mail: {
      version: 1,
      ...origin,
      path,
      size,
      ...(part && { part }),
      ...(parts && { parts }),
      ...(hasMoreNames && { hasMoreNames }),
      sender,
      recipients,
      signal: warning.signal,
      log,
    },
    answered: () => clearTimeout(timer),
  }
}

/** Writes one line to stderr, which the starter of this process reads line by line. */
export function log(text: string): void {
  const line = String(text).replace(/\r?\n/g, '\\n')
  attempt(() => writeSync(2, `${line}\n`)) // a log that is full or closed must not decide about mail
}

/**
 * The optional function that receives, before each request, the part data that mail programs show:
 * `int virusparts(const char *text)`.
 */
const DESCRIBE = 'virusparts'

/**
 * Returns a line for each name, type and container, and an empty line after each part; `more` if there are
 * more.
 */
function descriptionOf({ part, parts, hasMoreNames }: PluginRequest): string {
  const linesOf = (word: string, values: readonly string[] = []) =>
    values.map((value) => `${word} ${value.replace(/[\0-\x1f\x7f]/g, '?')}\n`)
  const all: readonly Partial<NamedPart>[] = part ? [part] : (parts ?? [])
  const lines = all
    .map(({ names, types, containers }) =>
      [
        ...linesOf('name', names),
        ...linesOf('type', types),
        ...linesOf('container', containers),
        '\n',
      ].join(''),
    )
    .join('')
  return hasMoreNames ? `${lines}more\n` : lines
}

/** The optional function that names the virus: `const char *virusname(void)`. */
const NAME = 'virusname'

/**
 * Loads a plugin in C: `int virusscan(const char *path)`, as in IndiMail's qhpsi. It runs on the main
 * thread, because a C library may expect no other.
 */
async function loadSharedObject(request: PluginRequest): Promise<Plugin | ScanResult> {
  let virusscan: (path: string) => number
  let virusname: (() => string) | undefined
  let describeText: ((text: string) => number) | undefined
  try {
    const system = requireSystem('no .so can run')
    virusscan = system.functionOfPath(request.file, request.symbol)
    virusname = system.functionForText(request.file, NAME)
    describeText = attempt(() => system.functionOfPath(request.file, DESCRIBE))
  } catch (error) {
    return unknown(`cannot be loaded: ${errorText(error)}`)
  }
  return async (asked) => {
    describeText?.(descriptionOf(asked))
    const code = virusscan(asked.part?.path ?? asked.path)
    const name = code === asked.infectedCode ? virusname?.() : undefined
    return resultOf(code, name, asked)
  }
}

function resultOf(
  code: number,
  name: string | undefined,
  { file, infectedCode, cleanCode }: PluginRequest,
): ScanResult {
  // QHPSIRC counts first, as in qhpsi.c: if both are the same number, mail is not clean.
  if (code === infectedCode) return infected(name || basename(file))
  if (code === cleanCode) return clean
  return unknown(
    `returned ${code}; must return ${cleanCode} (QHPSIRN, clean) or ${infectedCode} (QHPSIRC, infected)`,
  )
}
