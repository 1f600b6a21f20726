import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { probeLimitReports } from '../../src/scanner/readiness/clamd/limit-probes.ts'
import { readClamdAddress } from '../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ClamdServer } from '../../src/scanner/scan/scanners/clamd/clamd-server.ts'
import { lacks } from '../needs.mjs'
import { freePort } from '../programs/host/free-port.ts'
import { openDirectory } from '../programs/host/reachable.ts'
import { socketDirectory } from '../programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../programs/servers/clamd.ts'

/** The run scripts for supervise, run; only paths and accounts are changed. */
const supervise = join(import.meta.dirname, '../../packaging/shipped/supervise')
const onescand = join(import.meta.dirname, '../../bin/onescand')
const services = readdirSync(supervise)

const notRoot = lacks('root')

/** A script with places of this test instead of a host's. */
function script(name: string, places: Readonly<Record<string, string>>): string {
  let text = readFileSync(join(supervise, name), 'utf8')
  for (const [from, to] of Object.entries(places)) {
    if (!text.includes(from)) throw new Error(`${name} does not hold ${from}`)
    text = text.replaceAll(from, to)
  }
  return text
}

/** Starts a script as supervise does; its output goes to the file `log`. */
function start(t: Test, text: string, log: string, env: NodeJS.ProcessEnv = process.env) {
  const child = spawn('/bin/sh', ['-c', `exec >'${log}'\n${text}`], { stdio: 'ignore', env })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  })
  return child
}

/** Resolves once `question` answers; throws what it last threw after half a minute. */
async function answers(question: () => Promise<void>): Promise<void> {
  const end = Date.now() + 30_000
  for (;;) {
    try {
      return await question()
    } catch (error) {
      if (Date.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

const probeSocket = (path: string) => async () => {
  const socket = connect(path)
  await once(socket, 'connect')
  socket.destroy()
}

t.test('each service has a run script and one for its log, which sh understands', async (t) => {
  t.same(services, ['clamd', 'freshclam', 'onescan-quotad', 'onescand'])
  for (const service of services) {
    for (const name of ['run', 'log/run']) {
      const file = join(supervise, service, name)
      t.equal(statSync(file).mode & 0o111, 0o111, file)
      t.equal(spawnSync('/bin/sh', ['-n', file]).status, 0, file)
    }
  }
})

t.test('the environment of the caller of a script does not reach its account', async (t) => {
  for (const name of services.flatMap((service) => [`${service}/run`, `${service}/log/run`])) {
    const [first] = script(name, {}).split('\n')
    const file = join(t.testdir(), 'run')
    writeFileSync(file, `${first}\nenv\n`, { mode: 0o755 })
    const env = { RESTIC_PASSWORD: 'of root', LD_PRELOAD: '', PATH: '/bin', HOME: '/root' }
    const variables = execFileSync(file, { env, encoding: 'utf8' })
    t.same(variables.match(/^\w+/gm)?.sort(), ['HOME', 'PATH', 'PWD'], name)
    t.match(variables, /^HOME=\/nonexistent$/m)
  }
})

t.test('the logs differ in their directory alone', async (t) => {
  const texts = services.map((service) =>
    script(`${service}/log/run`, { [`directory=/var/log/${service}\n`]: '' }),
  )
  t.equal(new Set(texts).size, 1)
})

t.test('onescand takes its settings, and serves', { skip: notRoot }, async (t) => {
  const run = socketDirectory(t)
  const directory = t.testdir({
    'onescand.default': `QHPSI="plugin: eicar"\nONESCAND_OPTIONS="--workers 1"\n`,
  })
  mkdirSync(join(run, 'postfix'))
  const text = script('onescand/run', {
    '/usr/share/onescan/defaults': join(import.meta.dirname, '../../packaging/shipped/defaults'),
    '/etc/default/onescand': join(directory, 'onescand.default'),
    '/run/': `${run}/`,
    '/var/spool/postfix': join(run, 'postfix'),
    'getent group postfix': 'true',
    '-o onescan -g onescan': '',
    '-o onescan -g postfix': '',
    'setpriv --reuid onescan --regid onescan --init-groups': 'setpriv',
    '/usr/sbin/onescand': onescand,
  })
  const child = start(t, text, join(directory, 'log'))
  await answers(probeSocket(join(run, 'onescan/qmail.sock')))
  await answers(probeSocket(join(run, 'postfix/onescan/milter.sock')))
  t.ok(lstatSync(join(run, 'postfix/onescand/milter.sock')).isSocket(), 'made in its own place')
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  t.equal(code, 0, readFileSync(join(directory, 'log'), 'utf8'))
  t.equal(readlinkSync(join(run, 'onescan/qmail.sock')), '../onescand/qmail.sock')
  t.equal(readlinkSync(join(run, 'postfix/onescan/milter.sock')), '../onescand/milter.sock')
})

const capabilities = ['--inh-caps=-all,+dac_read_search', '--bounding-set=-all,+dac_read_search']
const cannotRead =
  notRoot ||
  (spawnSync('setpriv', [...capabilities, 'true']).status !== 0 &&
    'this machine keeps CAP_DAC_READ_SEARCH to itself')

t.test('onescan-quotad reads private mailboxes, and answers', { skip: cannotRead }, async (t) => {
  const port = await freePort()
  const directory = t.testdir({ mail: { ann: { maildirsize: '1000S\n400 4\n' } } })
  execFileSync('chmod', ['-R', 'go=', join(directory, 'mail')])
  const places = `--udp none --http 127.0.0.1:${port}`
  const settings = `QUOTAMAILBOX="maildir:${directory}/mail/%u"\nONESCAN_QUOTAD_OPTIONS="${places}"\n`
  writeFileSync(join(directory, 'default'), settings)
  const text = script('onescan-quotad/run', {
    '/usr/share/onescan/defaults': join(import.meta.dirname, '../../packaging/shipped/defaults'),
    '/etc/default/onescan-quotad': join(directory, 'default'),
    '--reuid onescan-quotad --regid onescan-quotad --init-groups': '--reuid nobody --clear-groups',
    '/usr/sbin/onescan-quotad': join(import.meta.dirname, '../../bin/onescan-quotad'),
  })
  const child = start(t, text, join(directory, 'log'))
  await answers(async () => {
    const response = await fetch(`http://127.0.0.1:${port}/cgi-bin/quota.cgi?u=ann`)
    t.equal(await response.text(), 'OK ann 400 1000\n')
  })
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  t.equal(code, 0, readFileSync(join(directory, 'log'), 'utf8'))
})

t.test('clamd answers on its socket', { skip: clamdMissing || notRoot }, async (t) => {
  const clamd = await startClamd(t) // for its settings and signatures
  const directory = t.testdir()
  const configuration = join(directory, 'clamd.conf')
  const own = join(socketDirectory(t), 'socket')
  const conf = readFileSync(clamd.configFile, 'utf8')
  if (!conf.includes(clamd.socket)) throw new Error('clamd.conf names no socket')
  writeFileSync(configuration, conf.replaceAll(clamd.socket, own))
  const text = script('clamd/run', {
    '/etc/clamav/clamd.conf': configuration,
    '/run/clamav': join(directory, 'run'),
    '-o clamav -g clamav': '',
    '/run/onescan': join(directory, 'onescan'),
    '/usr/sbin/clamd': 'clamd',
    '/sys/kernel/security/apparmor/profiles': '/nonexistent',
  })
  t.match(readFileSync(configuration, 'utf8'), 'AlertExceedsMax no', 'as it comes')
  start(t, text, join(directory, 'log'))
  await answers(probeSocket(own))
  const server = new ClamdServer(readClamdAddress(own), { isLasting: false })
  const probe = await probeLimitReports(server, AbortSignal.timeout(30_000))
  t.same(probe, { kind: 'yes' }, 'what is too deep is not called clean')
})

t.test('the run script of clamd reports if AppArmor denies clamd its settings', async (t) => {
  const directory = t.testdir({
    'clamd.conf': 'LocalSocket /x\n',
    profiles: '/usr/sbin/clamd (enforce)\n',
  })
  const text = script('clamd/run', {
    'install -d -m 755 -o clamav -g clamav /run/clamav': '',
    '/etc/clamav/clamd.conf': join(directory, 'clamd.conf'),
    '/usr/sbin/clamd --': 'echo --',
    '/sys/kernel/security/apparmor/profiles': join(directory, 'profiles'),
  })
  const { stdout } = spawnSync('/bin/sh', ['-c', text], { encoding: 'utf8' })
  t.match(stdout, `set "AlertExceedsMax yes" in ${directory}/clamd.conf`)
  t.match(stdout, `--config-file=${directory}/clamd.conf`)
})

const freshclamMissing = lacks('freshclam')

t.test('freshclam knows the options of its run script', { skip: freshclamMissing }, async (t) => {
  const [, words = ''] = /^exec \$session \/usr\/bin\/freshclam (.*)$/m.exec(
    script('freshclam/run', {}),
  )!
  const help = execFileSync('freshclam', ['--help'], { encoding: 'utf8' })
  for (const word of words.split(' ')) t.match(help, word.replace(/=.*/, ''), word)
})

const multilogMissing = lacks('multilog')

t.test('the logs are written, with the time', { skip: multilogMissing || notRoot }, async (t) => {
  for (const service of services) {
    const directory = openDirectory(t)
    const text = script(`${service}/log/run`, {
      [`/var/log/${service}`]: join(directory, 'log'),
      '-o onescan-log -g adm': '-o nobody -g adm',
      '--reuid onescan-log --regid onescan-log': '--reuid nobody --regid nogroup',
    })
    const { status, stderr } = spawnSync('/bin/sh', ['-c', text], { input: 'a line\n' })
    t.equal(status, 0, stderr.toString())
    t.match(readFileSync(join(directory, 'log/current'), 'latin1'), /^@[0-9a-f]{24} a line\n$/)
  }
})

t.test('after an upgrade the package names services that still run the old program', async (t) => {
  const postinst = readFileSync(join(import.meta.dirname, '../../debian/onescan.postinst'), 'utf8')
  const [warning] = /^warn_about_old_processes\(\) \{\n[\s\S]*?^\}$/m.exec(postinst)!
  const lib = openDirectory(t)
  const program = join(lib, 'onescand')
  copyFileSync('/bin/sleep', program)
  const child = spawn(program, ['60'], { stdio: 'ignore' })
  await once(child, 'spawn')
  t.teardown(() => child.kill())
  const name = (systemd: string) => {
    const text = warning
      .replaceAll('/usr/lib/onescan', lib)
      .replace('/run/systemd/system', join(lib, systemd))
    return spawnSync('/bin/sh', ['-c', `${text}\nwarn_about_old_processes`], { encoding: 'utf8' })
      .stderr
  }
  t.equal(name('none'), '')
  rmSync(program)
  t.match(name('none'), `process ${child.pid} still runs the old program: restart its service`)
  t.equal(name('.'), '', 'systemd restarts them')
})
