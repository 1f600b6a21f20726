import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { errorCode } from '../fault.ts'

/**
 * Writes the skeleton of a plugin, NAME.ts, and its test, NAME.test.ts, into
 * `directory` and returns their absolute paths. The name may end in `.ts`. Both
 * work as they are. Throws an error of one line, and writes nothing, for a name
 * that QHPSI cannot hold, where a file of that name exists, or without a directory.
 */
export function newPlugin(name: string, directory: string): string[] {
  const plain = name.replace(/\.ts$/, '')
  if (!/^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/.test(plain)) {
    throw new Error(
      `plugin name ${JSON.stringify(name)}: must be 1 to 64 letters, digits, _ or -, as in "plugin new macros"`,
    )
  }
  const home = resolve(directory)
  if (!statSync(home, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`${home}: is not a directory; make it first`)
  }
  const files: [string, string][] = [
    [join(home, `${plain}.ts`), pluginSource(plain)],
    [join(home, `${plain}.test.ts`), testSource(plain)],
  ]
  for (const [file] of files) {
    if (existsSync(file)) throw new Error(`${file}: exists; choose another name or remove it`)
  }
  for (const [file, source] of files) write(file, source)
  return files.map(([file]) => file)
}

function write(file: string, source: string): void {
  try {
    writeFileSync(file, source, { flag: 'wx' })
  } catch (error) {
    throw new Error(`${file}: cannot be written (${errorCode(error)}); choose another directory`)
  }
}

const signatureOf = (name: string) => `This line is the test virus of ${name}.`

function pluginSource(name: string): string {
  return `// A scanner plugin for onescan; see onescan-plugin(7).
// Put this file into PLUGINDIR and name it in QHPSI='plugin: ${name}.ts'.
import { createReadStream } from 'node:fs'
import type { Virusscan } from 'onescan/plugin'

/** What to look for. Put your own test in the place of this one. */
const SIGNATURE = Buffer.from('${signatureOf(name)}')

/**
 * Answers { clean: true } or { infected: true, name }. Whatever it throws counts
 * as "could not tell": the mail is deferred, and the log has the reason.
 */
export const virusscan: Virusscan = async ({ path, signal }) => {
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

function testSource(name: string): string {
  return `// Run it with: node --test ${name}.test.ts (Node >= 22.18)
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Answer } from 'onescan/plugin'
import { virusscan } from './${name}.ts'

const directory = mkdtempSync(join(tmpdir(), '${name}-'))
after(() => rmSync(directory, { recursive: true }))

/** Asks the plugin about a message, as onescan does. */
async function ask(message: string): Promise<Answer> {
  const path = join(directory, 'message')
  writeFileSync(path, message)
  return virusscan({
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
