import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { errorCode } from '../../ground/errors/fault.ts'
import { mustBeOwnAt } from '../../ground/path/read.ts'
import { isCompiled } from '../../ground/runtime/compiled-program.ts'

/** The text of plugin.ts, which the build puts here. */
declare const PLUGIN_TYPES: string | undefined

/** The file of types beside plugins, for editors and compilers. It is not loaded, and serves all plugins. */
const TYPES = 'onescan-plugin.d.ts'

type Language = 'ts' | 'mjs'

/**
 * Writes the skeleton of a plugin into `directory`, with its types, a message in which it finds
 * something and, if Node can run it, a test. Returns their absolute paths. All files work as they are.
 * The ending of the name, `.ts` or `.mjs`, decides the language. Without one, the plugin is TypeScript
 * if this runtime loads that, else JavaScript with types in comments. An existing file of types is
 * replaced. Throws an Error and writes nothing if QHPSI cannot hold the name, if a file of that name
 * exists, if there is no such directory or, for root, if somebody else may write to it.
 */
export function newPlugin(name: string, directory: string): string[] {
  const plain = name.replace(/\.(ts|mjs)$/, '')
  if (!/^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/.test(plain)) {
    throw new Error(
      `plugin name ${JSON.stringify(name)}: must be 1 to 64 letters, digits, _ or -, as in "plugin new macros"`,
    )
  }
  const home = resolve(directory)
  if (!statSync(home, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`${home}: is not a directory; make it first`)
  }
  mustBeOwnAt(home)
  const language = name === plain ? usualLanguage() : name.endsWith('.ts') ? 'ts' : 'mjs'
  const plugin = `${plain}.${language}`
  const files: [string, string][] = [
    [join(home, plugin), pluginSource(plain, language)],
    [join(home, `${plain}.eml`), message(plain)],
  ]
  if (!isCompiled) files.push([join(home, `${plain}.test.mjs`), testSource(plain, plugin)])
  for (const [file] of files) {
    if (existsSync(file)) throw new Error(`${file}: exists; choose another name or remove it`)
  }
  for (const [file, source] of files) write(file, source, 'wx')
  const types = join(home, TYPES)
  write(types, typesSource(), 'w')
  return [...files.map(([file]) => file), types]
}

function usualLanguage(): Language {
  return isCompiled || process.features.typescript ? 'ts' : 'mjs'
}

function write(file: string, source: string, flag: 'w' | 'wx'): void {
  try {
    writeFileSync(file, source, { flag })
  } catch (error) {
    throw new Error(`${file}: cannot be written (${errorCode(error)}); choose another directory`)
  }
}

function typesSource(): string {
  const types =
    typeof PLUGIN_TYPES === 'string'
      ? PLUGIN_TYPES
      : readFileSync(join(import.meta.dirname, '../../plugin.ts'), 'utf8')
  return `// Written by "onescan plugin new", which replaces it; put nothing of yours here.\n${types}`
}

const signatureOf = (name: string) => `This line is the test virus of ${name}.`

const message = (name: string) => `Subject: a message\n\n${signatureOf(name)}\n`

function pluginSource(name: string, language: Language): string {
  const typed = language === 'ts'
  const imported = typed ? `import type { Virusscan } from './${TYPES}'\n` : ''
  const comment = typed ? '' : `\n *\n * @type {import('./${TYPES}').Virusscan}`
  return `// A scanner plugin for onescan; see onescan-plugin(7).
// Try it: onescan plugin test ${name}.${language} ${name}.eml
// Put this file into PLUGINDIR and name it in QHPSI='plugin: ${name}.${language}'.
import { createReadStream } from 'node:fs'
${imported}
/** What to look for. Put your own test in the place of this one. */
const SIGNATURE = Buffer.from('${signatureOf(name)}')

/**
 * Answers { clean: true } or { infected: true, name }, or { defer: why } where it could not
 * tell: the mail is deferred, and the log has the reason, as for whatever it throws.${comment}
 */
export const virusscan${typed ? ': Virusscan' : ''} = async ({ path, signal }) => {
  // Mail may be large: look at it piece by piece, and across the seams.
  let seam = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { signal })) {
    const window = Buffer.concat([seam, chunk])
    if (window.includes(SIGNATURE)) return { infected: true, name: '${name}.Example' }
    seam = window.subarray(-SIGNATURE.length)
  }
  return { clean: true }
}
`
}

function testSource(name: string, plugin: string): string {
  return `// Run it with: node --test ${name}.test.mjs${plugin.endsWith('.ts') ? ' (Node >= 22.18)' : ''}
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { virusscan } from './${plugin}'

const directory = mkdtempSync(join(tmpdir(), '${name}-'))
after(() => rmSync(directory, { recursive: true }))

/** Asks the plugin about a message, as onescan does. */
async function ask(message) {
  const path = join(directory, 'message')
  writeFileSync(path, message)
  return virusscan({
    version: 1,
    path,
    size: Buffer.byteLength(message),
    sender: 'sender@example.org',
    recipients: ['recipient@example.org'],
    signal: AbortSignal.timeout(10_000),
    log: () => {},
  })
}

const header = 'Subject: a message\\n\\n'
const virus = '${signatureOf(name)}'

test('an ordinary message is clean', async () => {
  assert.deepEqual(await ask(\`\${header}Hello\\n\`), { clean: true })
})

test('an empty message is clean', async () => {
  assert.deepEqual(await ask(''), { clean: true })
})

test('the test virus is found', async () => {
  const found = { infected: true, name: '${name}.Example' }
  assert.deepEqual(await ask(\`\${header}\${virus}\\n\`), found)
})

test('the test virus is found across the seam of two pieces', async () => {
  const found = { infected: true, name: '${name}.Example' }
  assert.deepEqual(await ask('x'.repeat(64 * 1024 - 10) + virus), found)
})
`
}
