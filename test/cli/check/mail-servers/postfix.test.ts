import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { splitMilters } from '../../../../src/cli/check/mail-servers/postconf.ts'
import { checkPostfix } from '../../../../src/cli/check/mail-servers/postfix.ts'
import { readAccounts } from '../../../../src/readiness/account.ts'
import { startOnescand } from '../../../doors/daemon/process.ts'
import { freePort } from '../../../programs/free-port.ts'
import { findProgram } from '../../../programs/install.mjs'
import { openDirectory, reachable } from '../../../programs/reachable.ts'
import { onescan } from '../../onescan.ts'

const bundle = join(import.meta.dirname, '../../../../dist/onescand.cjs')

/** `onescan check --postfix` with configurations of a Postfix that is not started. */

const skip = !findProgram('postconf') && 'install Debian package postfix'
const settings = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' }

interface Setup {
  readonly main?: Readonly<Record<string, string>>
  readonly chroot?: boolean
  /** The lines of /etc/default/onescand. */
  readonly defaults?: string
}

function postfix(t: Test, { main = {}, chroot = false, defaults }: Setup) {
  const home = openDirectory(t)
  const queue = join(home, 'queue')
  mkdirSync(queue)
  const lines = { compatibility_level: '3.6', queue_directory: queue, ...main }
  const text = Object.entries(lines).map(([name, value]) => `${name} = ${value}\n`)
  writeFileSync(join(home, 'main.cf'), text.join(''))
  const column = chroot ? 'y' : 'n'
  writeFileSync(join(home, 'master.cf'), `smtp inet n - ${column} - - smtpd\n`)
  const file = join(home, 'onescand')
  if (defaults !== undefined) writeFileSync(file, defaults)
  const look = () =>
    checkPostfix({ directory: home, accounts: readAccounts(), defaults: file, running: [] })
  return { home, queue, look }
}

async function startMilter(t: Test, env: Readonly<Record<string, string>> = settings) {
  const place = `inet:127.0.0.1:${await freePort()}`
  const daemon = startOnescand(t, { args: ['--milter', place], settings: env })
  await daemon.logged(/serving/)
  return place
}

t.test('a Postfix that is set up well gives no warning', { skip }, async (t) => {
  const milter = await startMilter(t)
  const main = {
    smtpd_milters: milter,
    non_smtpd_milters: '$smtpd_milters',
    milter_default_action: 'tempfail',
  }
  const { home, look } = postfix(t, { main })
  t.match(await look(), [
    { level: 'ok', what: `milter ${milter}`, value: /^refuses EICAR: 5/ },
    { level: 'ok', what: 'milter_default_action' },
    { level: 'ok', what: 'non_smtpd_milters' },
  ])
  const { code, out } = await onescan(['check', `--postfix=${home}`])
  t.equal(code, 0)
  t.match(out, /^Postfix\nok .*\nall is well\n$/s)
})

const notRoot = process.getuid?.() !== 0 && 'run as root'

// promise: root-taken-port
t.test(
  'another program in the place of onescand is reported',
  { skip: skip || notRoot },
  async (t) => {
    const place = `inet:127.0.0.1:${await freePort()}`
    const other = startOnescand(t, {
      program: [reachable(process.execPath), reachable(bundle)],
      args: ['--milter', place],
      settings,
      uid: 54_321,
    })
    await other.logged(/serving/)
    t.match((await postfix(t, { main: { smtpd_milters: place } }).look())[0], {
      level: 'error',
      value: 'is held by uid 54321, who is neither root nor the account of onescand',
    })
  },
)

// promise: root-taken-port
t.test(
  'another program in the place of its policy service is reported',
  { skip: skip || notRoot },
  async (t) => {
    const place = `inet:127.0.0.1:${await freePort()}`
    const other = startOnescand(t, {
      program: [reachable(process.execPath), reachable(bundle)],
      args: ['--policy', place],
      settings,
      uid: 54_321,
    })
    await other.logged(/serving/)
    const look = (service: string) => {
      const smtpd_recipient_restrictions = `check_policy_service ${service}`
      const defaults = `ONESCAND_OPTIONS="--policy ${place}"\n`
      return postfix(t, { main: { smtpd_recipient_restrictions }, defaults }).look()
    }
    const isPolicy = ({ what }: { readonly what: string }) => what.startsWith('policy')
    t.match((await look(place)).filter(isPolicy), [
      {
        level: 'error',
        value: 'is held by uid 54321, who is neither root nor the account of onescand',
      },
    ])
  },
)

t.test('a path in the queue directory is found, in a chroot or not', { skip }, async (t) => {
  for (const chroot of [true, false]) {
    const { queue, look } = postfix(t, {
      main: { smtpd_milters: 'unix:onescan/milter.sock' },
      chroot,
    })
    mkdirSync(join(queue, 'onescan'))
    const place = `unix:${join(queue, 'onescan/milter.sock')}`
    t.match((await look())[0], { level: 'error', value: /does not exist/ })
    const group = findProgram('postfix') ? ['--group', 'postfix'] : []
    const daemon = startOnescand(t, { args: ['--milter', place, ...group], settings })
    await daemon.logged(/serving/)
    t.match((await look())[0], { level: 'ok', value: /^refuses EICAR/ })
  }
})

t.test(
  'an onescand that scans nothing is an error, and one that tags is well',
  { skip },
  async (t) => {
    const of = async (env: Readonly<Record<string, string>>) => {
      const smtpd_milters = await startMilter(t, env)
      return (await postfix(t, { main: { smtpd_milters } }).look())[0]
    }
    t.match(await of({ QHPSI: 'plugin: eicar' }), { level: 'ok', value: /and tags it/ })
    t.match(await of({ QHPSI: '/bin/true %s' }), {
      level: 'error',
      value: /accepts EICAR as clean/,
    })
  },
)

t.test('a Postfix that names no milter of onescan is an error', { skip }, async (t) => {
  const { look } = postfix(t, { defaults: '' })
  t.match(await look(), [
    {
      level: 'error',
      what: 'smtpd_milters',
      remedy:
        /^postconf -e 'smtpd_milters = unix:onescan\/milter\.sock' && postfix reload, and see/,
    },
  ])
})

t.test(
  'a milter at which nobody listens is an error, whose remedy names the settings of onescand',
  { skip },
  async (t) => {
    const port = await freePort()
    const smtpd_milters = `inet:127.0.0.1:${port}`
    const of = async (defaults?: string) =>
      (await postfix(t, { main: { smtpd_milters }, ...(defaults && { defaults }) }).look())[0]
    t.match(await of('ONESCAND_OPTIONS=""\n'), {
      level: 'error',
      value: /ECONNREFUSED/,
      remedy: /^add "--milter inet:127\.0\.0\.1:\d+" to ONESCAND_OPTIONS/,
    })
    t.match(await of(`ONESCAND_OPTIONS="--milter ${smtpd_milters}"\n`), {
      remedy: /^start onescand:/,
    })
    const usual = 'unix:/run/onescan/milter.sock'
    const down = postfix(t, {
      main: { smtpd_milters: usual },
      defaults: `ONESCAND_OPTIONS="--milter ${usual}"\n`,
    })
    if (!existsSync('/run/onescan/milter.sock')) {
      t.match((await down.look())[0], { remedy: /^start onescand:/ })
    }
    t.match(await of(), { remedy: /^start "onescand --milter/ })
    t.match(await of('ONESCAND_OPTIONS="--milter inet:127.0.0.1:9"\n'), {
      remedy:
        /^start the milter that should .*postconf -e 'smtpd_milters = inet:127\.0\.0\.1:9' && postfix reload$/,
    })
  },
)

t.test(
  'a socket that the chroot hides, or that is closed to Postfix, is an error',
  {
    skip: skip || (process.getuid!() !== 0 && 'run as root'),
  },
  async (t) => {
    const outside = join(openDirectory(t), 'm')
    const daemon = startOnescand(t, { args: ['--milter', `unix:${outside}`], settings })
    await daemon.logged(/serving/)
    const main = { smtpd_milters: `unix:${outside}` }
    t.match((await postfix(t, { main, chroot: true }).look())[0], {
      level: 'error',
      value: /is out of reach: smtpd runs in/,
      remedy: /--milter unix:.*queue.* or use inet:/,
    })
    t.match((await postfix(t, { main }).look())[0], {
      level: 'error',
      value: /^postfix may not connect to/,
      remedy: /^see the owner, group and mode of/,
    })
  },
)

t.test(
  'a policy service that answers is well, and one that does not is an error',
  { skip },
  async (t) => {
    const server = createServer((socket) => {
      socket.on('data', () => socket.write('action=DUNNO\n\n'))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { port } = server.address() as { port: number }
    const gone = await freePort()
    const smtpd_recipient_restrictions =
      `permit_mynetworks, check_policy_service { inet:127.0.0.1:${port}, timeout=10s }, ` +
      `check_policy_service inet:127.0.0.1:${gone}`
    const findings = await postfix(t, { main: { smtpd_recipient_restrictions } }).look()
    const policies = findings.filter(({ what }) => what.startsWith('policy'))
    t.match(policies, [
      { level: 'ok', value: 'answers DUNNO' },
      { level: 'error', value: /ECONNREFUSED/ },
    ])
  },
)

t.test('another milter is not taken for onescand', { skip }, async (t) => {
  const server = createServer((socket) => socket.end('220 smtp.example.org\r\n')).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const main = { smtpd_milters: `inet:127.0.0.1:${port}` }
  t.match((await postfix(t, { main }).look())[0], {
    level: 'error',
    what: `milter inet:127.0.0.1:${port}`,
  })
})

t.test('a Postfix that cannot be asked is reported', { skip }, async (t) => {
  const { code, out } = await onescan(['check', '--postfix=/nonexistent'])
  t.equal(code, 2)
  t.match(out, /^error +Postfix: cannot be asked/m)
})

t.test('milters are read in the forms of MILTER_README', async (t) => {
  t.match(splitMilters('inet:a:1, { unix:/b, default_action=accept } unix:c'), [
    { text: 'inet:a:1', options: {} },
    { text: 'unix:/b', options: { default_action: 'accept' } },
    { text: 'unix:c', options: {} },
  ])
})
