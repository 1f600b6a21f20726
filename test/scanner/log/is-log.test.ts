import { spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { isLog } from '../../../bin/is-log.cjs'
import { descriptorOf } from '../../../src/base/process/descriptors.ts'
import { isLogRows } from './is-log-rows.ts'

/** Whether descriptor 2 is a log: the rule that test/scanner/doors/slot/log.test.ts shows of each program. */

t.test('a descriptor is a log by its kind, the server above it, and the journal', async (t) => {
  const directory = t.testdir({ file: '' })
  const pipe = join(directory, 'pipe')
  spawnSync('mkfifo', [pipe])
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] }) // Node makes its pipes of sockets
  const fds = {
    pipe: openSync(pipe, constants.O_RDWR),
    file: openSync(join(directory, 'file'), constants.O_WRONLY),
    device: openSync('/dev/null', constants.O_WRONLY),
    connection: descriptorOf(child.stdin as Socket)!,
  }
  const { dev, ino } = fstatSync(fds.pipe)
  const server = { PROTO: 'TCP' }
  for (const [env, expected] of isLogRows) {
    t.equal(isLog(env, fds.pipe), expected, JSON.stringify(env))
  }
  for (const [kind, env, expected] of [
    ['pipe', { JOURNAL_STREAM: `${dev}:${ino}` }, true],
    ['file', {}, true],
    ['file', { ERROR_FD: '2' }, false],
    ['device', {}, true],
    ['connection', server, false],
  ] as const) {
    t.equal(isLog(env, fds[kind]), expected, `${kind} ${JSON.stringify(env)}`)
  }
  closeSync(fds.pipe)
  t.equal(isLog(server, fds.pipe), false, 'closed')
  for (const fd of [fds.file, fds.device]) closeSync(fd)
  child.stdin.end()
})
