import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../../../../src/base/check/check-line.ts'
import { onescandEndpoints } from '../../../../../src/scanner/cli/check/mail-server-config/onescand-endpoints.ts'
import { checkPostfix } from '../../../../../src/scanner/cli/check/mail-server-config/postfix.ts'
import { readOptions } from '../../../../../src/scanner/options/daemon-options.ts'
import { readAccounts } from '../../../../../src/scanner/readiness/host/account.ts'
import { complainsOnly, linesOf } from '../../../../check-lines.ts'
import { lacks } from '../../../../needs.mjs'
import { freePort } from '../../../../programs/host/free-port.ts'
import { isRunning } from '../../../../programs/host/is-running.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import {
  makeDkimKey,
  opendkimMissing,
  startOpendkim,
} from '../../../../programs/servers/opendkim.ts'
import { type Postfix, postfixMissing } from '../../../../programs/servers/postfix.ts'
import { isWhole } from '../../../../run/is-whole.ts'
import { childrenOf } from '../../../daemon/process.ts'
import { findingsByMail, firstOfEachFinding } from '../machine.ts'
import { mailHost } from '../mail-host.ts'
import { type PostfixState, states } from './postfix.ts'

/**
 * States of a Postfix with onescand: what check reports by rule and by mail. Each remedy that is a command is
 * carried out as it is printed, and EICAR is sent again: no remedy makes a way unscanned.
 */

const THROUGH = /EICAR: is accepted/

class Host {
  readonly #postfix: Postfix
  readonly #words: readonly string[]
  readonly #isDown: boolean
  readonly #log: string

  constructor(postfix: Postfix, words: readonly string[], state: PostfixState, log: string) {
    this.#postfix = postfix
    this.#words = words
    this.#isDown = state.isDown === true
    this.#log = log
  }

  get #configuration(): string {
    return join(dirname(this.#postfix.queue), 'etc')
  }

  byRule(): Promise<CheckLine[]> {
    const running = this.#isDown ? undefined : { socket: '', description: undefined }
    return checkPostfix({
      directory: this.#configuration,
      endpoints: onescandEndpoints(readOptions(this.#words), running),
      accounts: readAccounts(),
      scanSeconds: 150,
      makesStamps: false,
      settings: {},
      lost: new Map(),
    })
  }

  byMail(): Promise<CheckLine[]> {
    return findingsByMail([{ port: this.#postfix.port, security: 'none' }], [this.#log])
  }

  /** Carries out the command of a remedy, which words may precede. Returns whether it has one. */
  carryOut({ remedy = '' }: CheckLine): boolean {
    const [command] = /\bpostconf .* && postfix reload/s.exec(remedy) ?? []
    if (command === undefined) return false
    const at = `MAIL_CONFIG='${this.#configuration}'; export MAIL_CONFIG; postfix() { :; }; `
    execFileSync('/bin/sh', ['-ec', `${at}${command}`])
    return true
  }

  /** As `postfix reload`; resolves when no process of before takes mail. */
  async reload(): Promise<void> {
    const before = childrenOf(this.#postfix.pid)
    process.kill(this.#postfix.pid, 'SIGHUP')
    while (before.some((pid) => isRunning(pid))) await setTimeout(20)
  }
}

async function open(t: Test, state: PostfixState): Promise<Host> {
  const { main, own, services, options, settings, policy, isDown, hasOther } = state
  const dkim = hasOther && makeDkimKey(t, 'example.org')
  const other = dkim ? await startOpendkim(t, dkim, 'verify') : ''
  const others = { other, filter: await freePort(), behind: await freePort() }
  const host = await mailHost(t, { REJECTVIRUS: '1', ...settings }, (milter) => {
    const ports = { ...others, milter }
    return {
      ...{ options: options?.(ports), policy, isDown, main: main?.(ports) ?? {} },
      ...{ own: own?.(ports), services: services?.(ports) },
    }
  })
  return new Host(host.postfix, host.options, state, host.log)
}

t.test('states of Postfix', { skip: postfixMissing, jobs: 4 }, async (t) => {
  t.equal(new Set(states.map(({ name }) => name)).size, states.length, 'each has its own name')
  const only = process.env.STATE
  const here = states.filter(({ hasOther }) => !hasOther || !opendkimMissing)
  const named = here.filter(({ name }) => only === undefined || name.includes(only))
  const chosen = only === undefined && !isWhole ? firstOfEachFinding(named, linesFound) : named
  await Promise.all(
    chosen.map((state) => t.test(state.name, { buffered: true }, (t) => tryState(t, state))),
  )
})

/** What a state is found by, and its remedies: the others have another cause of the same lines. */
function linesFound({ byRule, byMail, isMended }: PostfixState): string[] {
  return [...byRule, ...byMail].map(({ source }) => `${source} ${isMended}`)
}

async function tryState(t: Test, state: PostfixState): Promise<void> {
  const host = await open(t, state)
  const checkLines = await host.byRule()
  complainsOnly(t, checkLines, state.byRule)
  const before = await host.byMail()
  complainsOnly(t, before, state.byMail)
  const mended = checkLines.filter((checkLine) => host.carryOut(checkLine))
  if (state.isMended) t.ok(mended.length > 0, 'a remedy is a command')
  if (mended.length === 0) return
  await host.reload()
  const after = await host.byMail()
  const isThrough = (found: readonly CheckLine[]) =>
    linesOf(found).some((line) => THROUGH.test(line))
  t.notOk(isThrough(after) && !isThrough(before), 'no remedy stops scanning', { before, after })
  if (!state.isMended) return
  complainsOnly(t, await host.byRule(), [])
  complainsOnly(t, after, [])
}

t.test(
  'a main.cf that others may not read is reported with the message of postconf',
  { skip: postfixMissing || lacks('root') },
  async (t) => {
    const directory = openDirectory(t)
    writeFileSync(join(directory, 'main.cf'), 'compatibility_level = 3.6\n', { mode: 0o600 })
    writeFileSync(join(directory, 'master.cf'), '')
    const endpoints = onescandEndpoints(readOptions([]), undefined)
    const host = {
      directory,
      endpoints,
      accounts: readAccounts(),
      scanSeconds: 150,
      makesStamps: false,
      settings: {},
      lost: new Map(),
    }
    const [found] = await checkPostfix(host)
    t.match(found, {
      level: 'error',
      value: /^postconf fails: \S*postconf: fatal: open \S+\/main\.cf: Permission denied$/,
    })
    execFileSync('/bin/sh', ['-ec', found!.remedy!])
    t.notMatch(linesOf(await checkPostfix(host)), [/postconf fails/])
  },
)

t.test(
  'faults that end the programs of Postfix are found without mail',
  { skip: postfixMissing },
  async (t) => {
    const directory = openDirectory(t)
    chmodSync(directory, 0o755)
    const host = {
      directory,
      endpoints: onescandEndpoints(readOptions([]), undefined),
      accounts: readAccounts(),
      scanSeconds: 150,
      makesStamps: false,
      settings: {},
      lost: new Map(),
    }
    writeFileSync(join(directory, 'master.cf'), '')
    const checkLines = async (line: string) => {
      writeFileSync(join(directory, 'main.cf'), `compatibility_level = 3.6\n${line}\n`)
      return linesOf(await checkPostfix(host))
    }
    const foreign = [
      /^error inet_interfaces: has 192\.0\.2\.77, which is not an address of this host/,
    ]
    // postconf(1) sees it, too, if mynetworks follows from the addresses.
    for (const networks of ['', '\nmynetworks = 127.0.0.0/8']) {
      t.match(await checkLines(`inet_interfaces = 127.0.0.1, 192.0.2.77${networks}`), foreign)
      for (const sound of ['all', 'loopback-only', 'localhost, [127.0.0.1]']) {
        const of = (await checkLines(`inet_interfaces = ${sound}${networks}`)).join()
        t.notMatch(of, /inet_interfaces/, sound)
      }
    }
    t.match((await checkLines('')).at(-1), /^warning master\.cf: has no line with smtpd: /)
    const maps = (list: string) => checkLines(`smtpd_milter_maps = ${list}`)
    const expected = {
      none: /^error .*Postfix cannot read cidr:\/none \(.*open \/none: No such file/,
    }
    t.match(await maps('inline:{ {a = b}, {c = d} }, cidr:/none'), [expected.none])
    t.match(await maps('inline:{ a }'), [/^error .*Postfix cannot read inline:\{ a \} \(/])
    t.match(await maps('inline:{{198.51.100.1 = DISABLE}}'), [
      /^warning .*: has clients whose mail is not scanned: "inline:/,
    ])
  },
)

t.test('each instance of Postfix is checked', { skip: postfixMissing }, async (t) => {
  const listening = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(listening, 'listening')
  t.teardown(() => listening.close())
  const place = `inet:127.0.0.1:${(listening.address() as AddressInfo).port}`
  const options = readOptions(['--milter', place])
  const endpoints = onescandEndpoints(options, { socket: '', description: undefined })
  const others = [
    openInstance(
      t,
      `smtpd_milters = ${place}\nnon_smtpd_milters = ${place}\nmilter_default_action = tempfail`,
    ),
    openInstance(t, ''),
  ]
  const directory = openInstance(t, `multi_instance_directories = ${others.join(', ')}`)
  const accounts = readAccounts()
  const more = { scanSeconds: 150, makesStamps: false, settings: {}, lost: new Map() }
  const lines = linesOf(await checkPostfix({ directory, endpoints, accounts, ...more }))
  const found = lines.filter((line) => line.includes(' Postfix in '))
  t.equal(found.length, 1, lines.join('\n'))
  t.match(found[0], `error Postfix in ${others[1]}: smtpd_milters: uses neither a milter`)
  t.match(found[0], `run onescan check --postfix ${others[1]}; in its remedies, give postconf`)
})

/** Returns the directory of a configuration of Postfix with one server for SMTP. */
function openInstance(t: Test, main: string): string {
  const directory = openDirectory(t)
  chmodSync(directory, 0o755)
  const queue = join(directory, 'queue')
  const own = `compatibility_level = 3.6\nqueue_directory = ${queue}\nmynetworks = 127.0.0.0/8\n`
  writeFileSync(join(directory, 'main.cf'), `${own}${main}\n`)
  writeFileSync(join(directory, 'master.cf'), 'smtp inet n - n - - smtpd\n')
  return directory
}
