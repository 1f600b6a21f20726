import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { attempt } from '../../../../src/base/errors/fault.ts'
import { ProcEntry } from '../../../../src/base/process/proc-entry.ts'
import { loadSystem } from '../../../../src/base/runtime/system.ts'
import { frame } from '../../../../src/scanner/protocol/slot/slot-frames.ts'
import { lacks } from '../../../needs.mjs'
import { listen } from '../../../programs/host/listen.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { startReceiver } from '../../../programs/servers/smtp-receiver.ts'
import { until } from '../../../run/until.ts'
import { startOnescand } from '../../daemon/process.ts'
import { keepOne, makeQuarantine } from '../../scan/quarantine/quarantined.ts'
import { asPlain, jsonIn, onescan, PLAIN, type RunOptions } from '../onescan.ts'

/** Root types a command, and onescand does it, inside its unit. */

const skip = lacks('root')
const NOBODY = 65_534
const virus = 'Subject: x\n\nVIRUS \xff\xfe without an end'

/** An onescand with a quarantine of its own, in which a message is. */
async function hostWith(t: Test, uid = PLAIN) {
  const directory = makeQuarantine(t)
  const keep = async (record: Parameters<typeof keepOne>[2]) => {
    execFileSync('chown', ['-R', '0:0', directory])
    const id = await keepOne(directory, Date.now(), record)
    execFileSync('chown', ['-R', `${uid}:${uid}`, directory])
    return id
  }
  const id = await keep({ text: virus })
  const settings = { QHPSI: 'plugin: eicar', QUARANTINE: directory }
  const { socket } = await startOnescand(t, { uid, settings })
  const run = (words: readonly string[], options: RunOptions = {}) =>
    onescan(['quarantine', ...words], {
      ...options,
      root: true,
      env: { ONESCAN_SOCKET: socket, ...options.env },
    })
  return { directory, id, run, socket, keep }
}

/** A program in the place of qmail-queue, which notes as whom it runs and what it gets. */
function chainOf(t: Test, end: string) {
  const place = openDirectory(t)
  chmodSync(place, 0o1777)
  const program = join(place, 'chain')
  const notes = `id -u >${place}/uid; grep NoNewPrivs /proc/self/status >${place}/status
cat >${place}/message; cat <&1 >${place}/envelope; ${end}`
  writeFileSync(program, `#!/bin/sh\n${notes}\n`, { mode: 0o755 })
  const read = (name: string) => readFileSync(join(place, name), 'latin1')
  return { env: { QUEUECHAIN: program }, program, read }
}

// promise: root-quarantine-session
t.test('onescand looks into its quarantine for root', { skip }, async (t) => {
  const { directory, id, run } = await hostWith(t)
  const listed = await run(['list', '--json'])
  t.equal(listed.code, 0, listed.err)
  t.match(jsonIn(listed.out).results, [{ id, size: virus.length }])
  t.match((await run(['show', id])).out, 'VIRUS')
  t.equal((await run(['show', id, '--raw'])).bytes.toString('latin1'), virus, 'byte for byte')
  t.match((await run(['delete', '1.0000000000000000'])).err, /is not in quarantine/)
  const elsewhere = await run(['list', '--directory', '/nonexistent/q'])
  t.match(
    elsewhere.err,
    /--directory \/nonexistent\/q: is not visible to onescand; if another account owns it, add --user ACCOUNT/,
    'the remedy does not give it to onescan',
  )
  t.equal((await run(['delete', id])).code, 0)
  t.equal((await run(['list'])).code, 1)
  const log = join(directory, 'quarantine.log')
  t.equal(statSync(log).uid, PLAIN)
  t.match(readFileSync(log, 'latin1'), /quarantine=delete .* who=root /)
})

t.test('an onescand that root runs does it by itself', { skip }, async (t) => {
  const { id, run } = await hostWith(t, 0)
  const listed = await run(['list', '--json'])
  t.equal(listed.code, 0, listed.err)
  t.match(jsonIn(listed.out).results, [{ id }])
})

// promise: root-quarantine-session
t.test('an account that runs no service passes on what onescand releases', { skip }, async (t) => {
  const { directory, id, run } = await hostWith(t)
  for (const [end, error] of [
    ['exit 71', /failed with 71/],
    [
      'kill -9 $$',
      /failed with SIGKILL; the message may have been delivered: look for it in the mail queue/,
    ],
  ] as const) {
    const { env } = chainOf(t, end)
    const { code, err } = await run(['release', '--no-stamp', id], { env })
    t.equal(code, 2)
    t.match(err, error)
  }
  t.match((await run(['release', '--no-stamp', id])).err, /it may have been delivered; --again/)
  const { env, program, read } = chainOf(t, 'exit 0')
  const words = ['release', '--no-stamp', '--again', '--to', 'c@example.org', id]
  const { code, out, err } = await run(words, { env })
  t.equal(code, 0, err)
  t.match(out, `${id}: sent by ${program} to 1 recipient; it has no stamp`)
  t.equal(read('uid').trim(), String(NOBODY), 'and not onescand, nor root')
  t.match(read('status'), /:\t0$/m, 'qmail-queue and postdrop have set-ID bits')
  t.equal(read('message'), virus)
  t.equal(read('envelope'), 'Fa@example.net\0Tc@example.org\0\0')
  t.match(readFileSync(join(directory, 'quarantine.log'), 'latin1'), `by=${program}`)
})

t.test('an account passes on each mail of a digest of onescand', { skip }, async (t) => {
  const { directory, run, keep } = await hostWith(t)
  await keep({ recipients: ['ann@example.org', 'ben@example.org'] })
  const { env, read } = chainOf(t, 'exit 0')
  const words = ['digest', '--each', 'example.org', '--by', 'chain', '--json']
  const { code, out, err } = await run(words, { env })
  t.equal(code, 0, err)
  t.match(jsonIn(out).sum, { mails: 3, messages: 3 })
  t.equal(read('uid').trim(), String(NOBODY))
  t.match(read('envelope'), /^F\0T\w+@example\.org\0\0$/, 'without a sender')
  t.match(readFileSync(join(directory, 'quarantine.log'), 'latin1'), /quarantine=digest .*who=root/)
  t.match((await run(words, { env })).out, /"results":\[\]/)
})

t.test('a release over SMTP, and one of a message of megabytes', { skip }, async (t) => {
  const { run, keep } = await hostWith(t)
  const text = `Subject: x\n\n${'a line of text\n'.repeat(300_000)}`
  const id = await keep({ text, door: 'milter' })
  const receiver = await startReceiver(t)
  const { code, err, out } = await run([
    'release',
    '--no-stamp',
    '--by',
    `127.0.0.1:${receiver.port}`,
    id,
    '--json',
  ])
  t.equal(code, 0, err)
  t.match(jsonIn(out), { results: [{ id, released: true, by: `127.0.0.1:${receiver.port}` }] })
})

t.test('a message that was not passed on is not released', { skip }, async (t) => {
  const { id, run } = await hostWith(t)
  const { code, out, err } = await run(['release', '--no-stamp', '--by', 'nothing', id])
  t.equal(code, 2)
  t.equal(out, '')
  t.match(err, /--by nothing: must be chain, sendmail, or HOST:PORT/)
  t.match((await run(['list'])).out, id)
})

t.test('without onescand the command fails', { skip }, async (t) => {
  const env = { ONESCAN_SOCKET: '/nonexistent/s' }
  const { code, err } = await onescan(['quarantine', 'list'], { root: true, env })
  t.equal(code, 2)
  t.match(
    err,
    /none answers at \/nonexistent\/s; (?:run systemctl start onescand|start its service)/,
  )
})

// promise: bad-smtpd-or-quotad
t.test(
  'only root and the account of onescand can have it run a command',
  { skip: skip || loadSystem() === undefined },
  async (t) => {
    const { socket } = await startOnescand(t, {
      uid: PLAIN,
      settings: { QHPSI: 'plugin: eicar' },
      args: ['--mode', '0666'],
    })
    chmodSync(dirname(socket), 0o755)
    const ask = `
const { ServiceRun } = await import(process.argv[1])
const run = new ServiceRun(process.argv[2], { program: 'onescan', args: ['--version'], caller: 'x' })
run.stdout.pipe(process.stdout); run.stderr.resume()
run.exit.then((code) => { process.exitCode = code }, (error) => console.log(error.message))`
    const module = join(import.meta.dirname, '../../../../src/scanner/protocol/slot/service-run.ts')
    const as = (...account: readonly string[]) =>
      spawnSync(
        account[0]!,
        [...account.slice(1), process.execPath, '--input-type=module', '-e', ask, module, socket],
        { encoding: 'utf8' },
      ).stdout
    t.match(as('/usr/bin/env'), /^onescan \d/)
    t.match(as(...asPlain()), /^onescan \d/)
    t.match(as('/usr/bin/setpriv', `--reuid=${NOBODY}`, '--clear-groups'), 'runs no command')
  },
)

/** A server in the place of an onescand that was taken over. */
async function impostor(t: Test, reply: (socket: Socket) => void): Promise<string> {
  const path = join(socketDirectory(t), 's')
  await listen(
    t,
    createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => reply(socket))
    }),
    path,
  )
  return path
}

// promise: root-terminal
t.test('output of a compromised onescand is harmless to a terminal', { skip }, async (t) => {
  const odd = Buffer.from('\x1b]0;x\x07 \u202e\n')
  const end = frame('r', Buffer.of(0))
  const cases: Readonly<Record<string, readonly [readonly Buffer[], RegExp]>> = {
    'control characters': [[frame('o', odd), frame('e', odd), end], /\\u001b\]0;x\\u0007 \\u202e/],
    'a huge frame': [
      [Buffer.from('o\xff\xff\xff\xff', 'latin1')],
      /the answer of onescand is too long/,
    ],
    'another frame': [[frame('A')], /runs no command for this account/],
    'no end': [[], /onescand stopped it/],
  }
  for (const [name, [frames, error]] of Object.entries(cases)) {
    const socket = await impostor(t, (client) => {
      for (const bytes of frames) client.write(bytes)
      client.end()
    })
    const { out, err } = await onescan(['quarantine', 'list'], {
      root: true,
      env: { ONESCAN_SOCKET: socket },
    })
    t.match(`${out}${err}`, error, name)
    t.notMatch(`${out}${err}`, /(?!\n)[\p{Cc}\p{Cf}]/u)
  }
})

// promise: root-runs-nothing
t.test('it chooses no program that root has an account start', { skip }, async (t) => {
  const place = openDirectory(t)
  chmodSync(place, 0o1777)
  writeFileSync(join(place, 'x'), `#!/bin/sh\nid -u >>${place}/ran\n`, { mode: 0o755 })
  const line = (value: object) => frame('o', Buffer.from(`${JSON.stringify(value)}\n`))
  for (const route of [`${place}/x`, `chain ${place}/x`, '--env=QUEUECHAIN=x', 'caller']) {
    const mail = { sender: '-oQ/x', recipients: ['-be', '|/bin/x'], isCrlf: false }
    let answer = ''
    const socket = await impostor(t, (client) => {
      client.on('data', (bytes) => {
        answer += bytes.toString('latin1')
        if (answer.includes('"reason"')) client.end(frame('r', Buffer.of(2)))
      })
      client.write(Buffer.concat([line({ mail, route }), line({ end: true })]))
    })
    const words = ['quarantine', 'release', '--by', 'chain', '1.0000000000000000']
    const env = { ONESCAN_SOCKET: socket, QUEUECHAIN: '/bin/false' }
    const { code } = await onescan(words, { root: true, env })
    t.equal(code, 2)
    t.match(answer, /"code":2,"by":"\/bin\/false"/, route)
  }
  t.notOk(existsSync(join(place, 'ran')))
})

// promise: root-signs-of-life
t.test('a message without an end fills no memory of root', { skip }, async (t) => {
  const chain = join(openDirectory(t), 'chain')
  const line = (value: object) => frame('o', Buffer.from(`${JSON.stringify(value)}\n`))
  const readers = () =>
    ProcEntry.all().filter((found) => {
      const words = attempt(() => readFileSync(found.at('cmdline'), 'latin1')) ?? ''
      return found.status()?.uid === NOBODY && words.includes(`hand-on\0--by\0${chain}`)
    })
  const pieces = 1000
  let taken = 0
  const socket = await impostor(t, async (client) => {
    client.write(line({ mail: {}, route: 'chain' }))
    await until(() => readers().length > 0, 'an account is to hand it on')
    for (const { pid } of readers()) process.kill(Number(pid), 'SIGSTOP')
    const bytes = line({ bytes: 'A'.repeat(64 * 1024) })
    for (let piece = 0; piece < pieces; piece++) {
      client.write(bytes, (error) => {
        taken += error ? 0 : 1
      })
    }
  })
  const words = ['quarantine', 'release', '--by', chain, '1.0000000000000000']
  const { code, err } = await onescan(words, { root: true, env: { ONESCAN_SOCKET: socket } })
  t.equal(code, 2, err)
  t.match(err, /it took too long, and was stopped/)
  t.ok(taken < pieces / 2, `root has taken ${taken} pieces`)
})
