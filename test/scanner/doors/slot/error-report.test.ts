import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { descriptorOf } from '../../../../src/base/process/descriptors.ts'
import {
  plainCode,
  readErrorReport,
  replyText,
  report,
} from '../../../../src/scanner/doors/slot/error-report.ts'
import { isPermanent } from '../../../../src/scanner/doors/slot/exit-codes.ts'
import { GROUNDS, type Grounds, type Reply } from '../../../../src/scanner/scan/replies/reply.ts'

/** How the slot passes its caller the reply to the sender: by a descriptor, or by an exit code. */

const refusal: Reply = { class: 5, enhanced: '5.7.1', text: 'virus X', grounds: 'virus' }

t.test('the text goes to a pipe that leads elsewhere, and to no other descriptor', async (t) => {
  const pipe = join(t.testdir({ file: '' }), 'pipe')
  spawnSync('mkfifo', [pipe])
  const caller = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] })
  const heard = text(caller.stdout)
  const fd = openSync(pipe, constants.O_WRONLY)
  const both = openSync(pipe, constants.O_RDWR)
  const taken = () => readErrorReport({ ERROR_FD: `${fd}` }).fd
  t.equal(taken(), undefined, 'another descriptor of the program leads there, too')
  closeSync(both)
  t.equal(taken(), fd)
  t.equal(report(refusal, readErrorReport({ ERROR_FD: `${fd}` })), 82)
  t.equal(await heard, 'Dvirus X (#5.7.1)', 'and the pipe is closed')
  t.equal(taken(), undefined, 'closed')
  t.equal(report(refusal, { fd, code: 88 }), 33, 'if it is closed meanwhile')
  for (const [path, flags] of [
    [pipe, constants.O_RDWR],
    [join(pipe, '../file'), constants.O_WRONLY],
  ] as const) {
    const other = openSync(path, flags)
    t.equal(readErrorReport({ ERROR_FD: `${other}` }).fd, undefined, path)
    closeSync(other)
  }
})

t.test('the text may go to a connection', async (t) => {
  const caller = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] }) // Node makes its pipes of sockets
  const fd = descriptorOf(caller.stdin as Socket)
  t.equal(readErrorReport({ ERROR_FD: `${fd}` }).fd, fd)
  caller.stdin.end()
  await once(caller, 'close')
})

t.test('without a text the exit codes are those that the caller knows', async (t) => {
  t.same(readErrorReport({}), { fd: undefined, code: 82 })
  t.equal(readErrorReport({ ERROR_FD: '2' }).code, 88)
  for (const [grounds, permanent, temporary] of [
    ['virus', 33, 71], // FINDINGS may defer it
    ['banned', 34, 71],
    ['unscanned', 31, 77],
    ['encrypted', 31, 77],
    ['nested-too-deep', 31, 77],
    ['too-much-inside', 31, 77],
    ['unreadable', 31, 77],
    ['strange-mime', 31, 77],
    ['too-large', 31, 71],
    ['policy', 31, 71],
    ['unclear-header', 31, 71],
    ['over-quota', 31, 71],
  ] as const satisfies readonly (readonly [Grounds, number, number])[]) {
    const codes = (...of: readonly (4 | 5)[]) =>
      of.map((status) => {
        const reply = { ...refusal, class: status, grounds }
        return [plainCode(reply, 82), report(reply, { fd: undefined, code: 88 })]
      })
    t.same(codes(5, 4), [[31, permanent], [71, temporary]], grounds) // biome-ignore format: a table
  }
  for (const grounds of GROUNDS) {
    for (const code of [82, 88]) {
      for (const status of [4, 5] as const) {
        const reply = { ...refusal, class: status, grounds }
        t.equal(isPermanent(plainCode(reply, code)), status === 5, `${status} ${grounds}: ${code}`)
      }
    }
  }
})

t.test('a reply is one line of at most 255 printable bytes', async (t) => {
  const reply = replyText({ ...refusal, text: `virus \r\n250 ok\x1b\xe9${'x'.repeat(300)}` })
  t.equal(reply.length, 255)
  t.match(reply, /^Dvirus \?\?250 ok\?\?x+ \(#5\.7\.1\)$/)
  t.equal(replyText({ ...refusal, class: 4, enhanced: '4.7.1' }), 'Zvirus X (#4.7.1)')
})
