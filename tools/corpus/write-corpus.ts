import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { databaseOfEicar } from '../../test/programs/servers/clamd.ts'
import { databaseOfEvasions, signs } from '../../test/scanner/scan/scanners/evasions/files.ts'
import type { ListedMessage, Manifest, StoredFile } from './manifest.ts'
import { type CorpusMessage, corpusMessages, hiddenIn } from './messages.ts'
import { readmeOf } from './readme.ts'

const packageFile = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')
const onescanVersion: string = JSON.parse(packageFile).version

export interface CorpusOptions {
  /** The clamd that is asked about each message, or why none is. */
  readonly clamd: AskedClamd | { readonly missing: string }
  readonly readers: AskedReaders
  /** By default, those of the tests. */
  readonly corpus?: Iterable<CorpusMessage>
  /** Called after each message, with their number until now. */
  readonly onMessage?: (count: number) => void
}

export interface AskedClamd {
  readonly version: string
  /** `clean`, or the name that clamd reports. */
  scan(message: Buffer): Promise<string>
}

export interface AskedReaders {
  readonly names: readonly string[]
  /** Those that open a hidden file. */
  opening(message: Buffer): Promise<string[]>
}

/** Writes the corpus into a new directory, and returns its manifest. */
export async function writeCorpus(
  directory: string,
  { clamd, readers, corpus = corpusMessages(), onMessage = () => {} }: CorpusOptions,
): Promise<Manifest> {
  mkdirSync(directory)
  const store = (file: string, content: Buffer): StoredFile => {
    const path = join(directory, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    const sha256 = createHash('sha256').update(content).digest('hex')
    return { file, size: content.length, sha256 }
  }
  for (const [name, text] of Object.entries({ ...databaseOfEicar, ...databaseOfEvasions })) {
    store(`database/${name}`, Buffer.from(text))
  }

  const messages: ListedMessage[] = []
  for (const { message, file, openedBy, ...entry } of corpus) {
    messages.push({
      ...entry,
      ...store(file, message),
      hides: hiddenIn(message),
      openedBy:
        entry.group === 'ordinary'
          ? []
          : [...(await openers(message, readers)), ...(openedBy ? [openedBy] : [])],
      clamd: 'scan' in clamd ? await clamd.scan(message) : null,
    })
    onMessage(messages.length)
  }
  const manifest: Manifest = {
    manifest: 1,
    onescan: onescanVersion,
    clamd: 'scan' in clamd ? { version: clamd.version } : clamd,
    readers: readers.names,
    hidden: signs.map(({ name, bytes }) => ({ name, ...store(`hidden/${name}`, bytes) })),
    messages,
  }
  writeFileSync(join(directory, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`)
  writeFileSync(join(directory, 'README.md'), readmeOf(manifest))
  return manifest
}

/** Some programs open a message only if its lines end in CR LF. */
async function openers(message: Buffer, readers: AskedReaders): Promise<string[]> {
  const opened = await readers.opening(message)
  if (opened.length > 0) return opened
  return readers.opening(Buffer.from(message.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'))
}
