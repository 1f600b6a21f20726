import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { PathHandle } from '../../../../src/base/path/path-handle.ts'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { findHeaderEnd, Header } from '../../../../src/mail/message/header-block.ts'
import {
  entriesIn,
  makeId,
  type QuarantineEntry,
  RecordReader,
} from '../../../../src/scanner/scan/quarantine/entries.ts'
import { openQuarantine } from '../../../../src/scanner/scan/quarantine/folders.ts'
import { quarantineMessage } from '../../../../src/scanner/scan/quarantine/quarantine-message.ts'
import type { QuarantineRecord } from '../../../../src/scanner/scan/quarantine/record.ts'
import type { Ending } from '../../../programs/host/server.ts'

/** An empty quarantine that goes with the test. */
export function makeQuarantine(t: Ending): string {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-quarantine-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A handle of a quarantine that goes with the test. */
export async function openFor(t: Test, directory: string): Promise<PathHandle> {
  const root = await openQuarantine(directory)
  t.teardown(() => root.close())
  return root
}

/** An empty quarantine, and a handle of it. */
export async function openNew(t: Test) {
  const directory = makeQuarantine(t)
  return { directory, root: await openFor(t, directory) }
}

/** All that entriesIn() lists. */
export async function listed(...range: Parameters<typeof entriesIn>): Promise<QuarantineEntry[]> {
  const entries: QuarantineEntry[] = []
  for await (const entry of entriesIn(...range)) entries.push(entry)
  return entries
}

/** The record of one message, as a list reads it. */
export async function recordOf(
  root: PathHandle,
  entry: QuarantineEntry,
): Promise<QuarantineRecord | undefined> {
  const records = new RecordReader(root)
  const found = await records.read(entry).finally(() => records.close())
  return found?.record
}

let count = 0

/**
 * Quarantines a message as if it came at that time, in Unix milliseconds. Resolves to its id. Without `isTried`, the
 * next message is another one, even of the same text; with it, the next one may be the same message, sent again.
 */
export async function keepOne(
  directory: string,
  time: number,
  {
    text = 'Subject: x\n\nbody\n',
    isTried = false,
    ...record
  }: Partial<QuarantineRecord> & { readonly text?: string; readonly isTried?: boolean } = {},
): Promise<string> {
  const id = makeId(time, (random) => random.set([0, 0, ++count >> 8, count]))
  const bytes = Buffer.from(text, 'latin1')
  const found = findHeaderEnd(bytes)
  const end = 'end' in found ? found.end : bytes.length
  const kept = await quarantineMessage(
    directory,
    {
      id,
      time: new Date(time).toISOString(),
      host: 'mx.example.org',
      door: 'qmail',
      grounds: 'virus',
      found: 'Test-Virus',
      sender: 'a@example.net',
      recipients: ['b@example.org'],
      log: 'onescan: decision=quarantine',
      ...record,
    },
    {
      header: new Header(bytes.subarray(0, end)),
      body: Bytes.of(bytes.subarray(end)),
      size: bytes.length,
    },
  )
  if (!isTried) rmSync(join(directory, 'kept.keys'), { recursive: true })
  return kept
}

/** The path of the file of a message, or of what begins with its id. */
export function fileOf(directory: string, id: string): string {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  return join(directory, names.find((name) => name.includes(`/${id}`))!)
}
