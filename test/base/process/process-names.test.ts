import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { plain } from '../../cases/messages.ts'
import { lacks } from '../../needs.mjs'
import { reachable } from '../../programs/host/reachable.ts'
import { asOther, startQuotad } from '../../quota/quotad.ts'
import { until } from '../../run/until.ts'
import { asPlain } from '../../scanner/cli/onescan.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'

/** The names of the compiled programs in ps, pidof and systemctl status. */

const native = join(import.meta.dirname, '../../../build/native')
const skip = lacks('the compiled programs', 'ps', 'pidof')

const ps = (...words: string[]) => execFileSync('ps', words, { encoding: 'utf8' }).trim()
/**
 * The kernel's name of a process, which is cut after 15 bytes, and the first word of its command.
 */
const shown = (pid: number) => {
  const [name, command] = ps('-o', 'comm=', '-o', 'args=', '-p', String(pid)).split(/\s+/)
  return { name, command: command?.replace(/^.*\//, '') }
}
const pidof = (name: string) => execFileSync('pidof', [name], { encoding: 'utf8' })
const isRuntime = (pid: number) => readlinkSync(`/proc/${pid}/exe`).endsWith('/onescan-runtime')

function isShownAs(t: Test, pid: number, name: string): void {
  t.same(shown(pid), { name: name.slice(0, 15), command: name })
  t.match(` ${pidof(name).trim()} `, ` ${pid} `, `pidof ${name}`)
}

/** A program that goes on for a while, as the runtime; ended with the test. */
async function start(t: Test, name: string, words: readonly string[], env = {}): Promise<number> {
  // As root it would have an account do the work.
  const own = [...(name === 'onescan' ? asPlain() : []), reachable(join(native, name))]
  const child = spawn(own[0]!, [...own.slice(1), ...words], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH, ...env },
    detached: true,
  })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    process.kill(-child.pid!, 'SIGKILL')
    await ended
  })
  child.stdin.on('error', () => {})
  if (name !== 'smtp-delay') child.stdin.end(plain)
  await until(() => isRuntime(child.pid!), `${name} starts`)
  return child.pid!
}

t.test('onescand, its workers and the hosts of its plugins', { skip }, async (t) => {
  const slow = 'export const virusscan = () => new Promise((done) => setTimeout(done, 100_000))'
  const PLUGINDIR = t.testdir({ 'slow.mjs': slow })
  const daemon = await startOnescand(t, {
    program: [join(native, 'onescand')],
    args: ['--workers', '2'],
    settings: { QHPSI: 'plugin: slow.mjs', PLUGINDIR },
  })
  isShownAs(t, daemon.pid, 'onescand')
  const answer = daemon.ask({ message: plain, variables: { QHPSI: 'plugin: slow.mjs' } })
  answer.catch(() => {}) // the daemon ends before it
  // By what they are, not by what they are called: the workers know their words, hosts do not.
  const below = (parent: number): number[] => {
    const rows = ps('-e', '-o', 'pid=', '-o', 'ppid=')
      .split('\n')
      .map((row) => row.split(/\s+/).filter(Boolean).map(Number))
    return rows.flatMap(([pid, ppid]) => (ppid === parent ? [pid!, ...below(pid!)] : []))
  }
  const words = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  const find = (isIt: (pid: number) => boolean) =>
    below(daemon.pid).find((pid) => {
      try {
        return isRuntime(pid) && isIt(pid)
      } catch {
        return false // has ended
      }
    })
  const isWorker = (pid: number) => words(pid).includes('--worker')
  const isHost = (pid: number) => words(pid).includes('onescan-plugin-host')
  await until(() => find(isWorker) !== undefined && find(isHost) !== undefined, 'worker and host')
  const [worker, host] = [find(isWorker), find(isHost)]
  isShownAs(t, worker!, 'onescand')
  isShownAs(t, host!, 'onescan-plugin-host')
})

t.test('onescan-quotad', { skip }, async (t) => {
  const settings = { QUOTAMAILBOX: 'maildir:~/Maildir', QUOTAUSERS: 'passwd' }
  const quotad = await startQuotad(t, settings, [], asOther(join(native, 'onescan-quotad')))
  isShownAs(t, quotad.pid, 'onescan-quotad')
})

t.test('smtp-delay', { skip }, async (t) => {
  const env = { TCPREMOTEIP: '192.0.2.1', TCPREMOTEHOST: 'mail.example.org' }
  const pid = await start(t, 'smtp-delay', ['-d', '100', '/bin/true'], env)
  isShownAs(t, pid, 'smtp-delay')
})

t.test('onescan', { skip }, async (t) => {
  const pid = await start(t, 'onescan', ['scan', '-'], { QHPSI: '/bin/sleep 100' })
  isShownAs(t, pid, 'onescan')
})
