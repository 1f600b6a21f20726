import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { FaultKind } from '../../../../src/base/errors/fault.ts'
import {
  codeOfFault,
  exitMeanings,
  isPermanent,
  slotExit,
} from '../../../../src/scanner/doors/slot/exit-codes.ts'

/** The exit codes of the slot, in the words of onescan-queue(8). */

t.test('each code has the meaning in the manual', async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../../../man/onescan-queue.8'), 'utf8')
  for (const code of Object.values(slotExit)) {
    t.ok(page.includes(`\n.It ${code}\n${exitMeanings[code]}\n`), `${code}`)
  }
})

t.test('each fault has the code of its kind, and one alone is for good', async (t) => {
  for (const [kind, meaning] of [
    ['address-too-long', /^An address in the envelope is too long/],
    ['out-of-memory', /^Out of memory/],
    ['overload', /^Deferred: the message could not be scanned/],
    ['write', /^Write error/],
    ['read', /^Read error/],
    ['config', /^A setting or control file/],
    ['temp-file', /^A temporary file/],
    ['envelope', /^The envelope/],
    ['next-hop', /^The next program/],
    ['bug', /^Internal bug/],
  ] as const satisfies readonly (readonly [FaultKind, RegExp])[]) {
    t.match(exitMeanings[codeOfFault(kind)], meaning)
    t.equal(isPermanent(codeOfFault(kind)), kind === 'address-too-long')
  }
  const codes = [0, 10, 11, 40, 41, 115, 120]
  t.same(codes.map(isPermanent), [false, false, true, true, false, true, false])
})
