import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../../src/mail/mime/contents.ts'
import { hostileShapes } from '../../../scan/scanners/hostile-shapes.ts'

const options = { openFile: () => openAnonymousFile(tmpdir()), createHash }

/** Bytes that are looked at, decoded and given while all contents of a mail are read. */
function workOf(message: Buffer): number {
  let work = 0
  const counted = { ...options, onWork: (bytes: number) => (work += bytes) }
  for (const step of contentsOf(Bytes.of(message), counted)) {
    if (step.kind === 'content') for (const chunk of step.bytes.chunks()) work += chunk.length
  }
  return work
}

/** What a mail costs of any size: headers, and contents of a few bytes. */
const CONSTANT = 64 * 1024

t.test('mail of any shape that is twice as long takes twice the work', async (t) => {
  for (const { name, make } of hostileShapes) {
    const once = workOf(Buffer.from(make(8 * 1024), 'latin1'))
    const twice = workOf(Buffer.from(make(16 * 1024), 'latin1'))
    if (twice > 2.2 * once + CONSTANT) t.fail(`${name}: ${once}, then ${twice}`)
  }
  t.ok(hostileShapes.length >= 60)
})
