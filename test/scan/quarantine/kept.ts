import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { Header } from '../../../src/mail/message/header-block.ts'
import { makeId, RANDOM_BYTES } from '../../../src/scan/quarantine/entries.ts'
import { keepMessage } from '../../../src/scan/quarantine/keep.ts'
import type { QuarantineRecord } from '../../../src/scan/quarantine/record.ts'

/** An empty quarantine that goes with the test. */
export function makeQuarantine(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-quarantine-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

let count = 0

/** Keeps a message as if it came at that time, unix milliseconds; its id. */
export async function keepOne(
  directory: string,
  time: number,
  {
    text = 'Subject: x\n\nbody\n',
    ...record
  }: Partial<QuarantineRecord> & { readonly text?: string } = {},
): Promise<string> {
  const random = Buffer.alloc(RANDOM_BYTES)
  random.writeUInt32BE(++count)
  const id = makeId(time, random)
  const bytes = Buffer.from(text, 'latin1')
  const end = bytes.indexOf('\n\n') + 2
  await keepMessage(
    directory,
    {
      id,
      time: new Date(time).toISOString(),
      host: 'mx.example.org',
      door: 'slot',
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
  return id
}
