import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { TOP_LINE } from '../../../../src/scanner/scan/scanners/contract/top-line.ts'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { lacks } from '../../../needs.mjs'
import { freePort } from '../../../programs/host/free-port.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { makeAuthority, opensslMissing } from '../../../programs/servers/certificates.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { until } from '../../../run/until.ts'
import { type RunningDaemon, startOnescand } from '../../daemon/process.ts'
import { numbered, standIn } from '../../scan/scanners/clamd/stand-in.ts'
import { inStream, openClamdDoor } from './rig.ts'

/** What `onescan disable` on one host means for the mail of others, and which servers count as scanners. */

const plugin = { QHPSI: 'plugin: clamd', VERDICTS: 'off' }
const key = `hmac-sha256:k1:${Buffer.alloc(32, 7).toString('base64url')}\n`
const hello = Buffer.from('From: a@example.org\nSubject: x\n\nHello\n')
const virus = Buffer.from(`From: a@example.org\nSubject: x\n\n${EICAR}\n`)

/** A mail host that refuses viruses and stamps clean mail. */
async function startMailHost(t: Test, settings: Readonly<Record<string, string>>) {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-keys-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const CLUSTERKEYS = join(directory, 'keys')
  writeFileSync(CLUSTERKEYS, key, { mode: 0o600 })
  const variables = { ...plugin, REJECTVIRUS: '1', CLUSTERKEYS, ...settings }
  const host = await startOnescand(t, { settings: variables })
  const judge = async (message: Buffer) => {
    const { code = 0, log, message: passed } = await host.ask({ message, variables })
    return { code, log, header: passed.toString('latin1') }
  }
  return { ...host, judge }
}

type MailHost = Awaited<ReturnType<typeof startMailHost>>

/** Shows that the host defers clean and infected mail, and states nothing about it. */
async function isDeferring(t: Test, { judge }: MailHost) {
  for (const message of [hello, virus]) {
    const { code, log, header } = await judge(message)
    t.equal(code, 71, log)
    t.notMatch(header, /X-QHPSI|X-SHA256-Cluster/)
  }
}

const skip = clamdMissing || opensslMissing

t.test(
  'a scanner host that is switched off never calls the mail of others clean',
  { skip },
  async (t) => {
    const clamd = await startClamd(t, { alertExceedsMax: true })
    const authority = makeAuthority(t)
    const [tlsPort, port, otherPort] = [await freePort(), await freePort(), await freePort()]
    const CONTROLDIR = t.testdir()
    const off = join(CONTROLDIR, 'onescan.off')
    const settings = { ...plugin, CLAMD: clamd.socket, ...authority.certify('scan1') }
    const start = (args: string[], own = {}): Promise<RunningDaemon> =>
      startOnescand(t, { settings: { ...settings, ...own }, args })
    await start(['--clamd', `tls:127.0.0.1:${tlsPort}`, '--clamd', `inet:127.0.0.1:${port}`], {
      CONTROLDIR,
    })
    await start(['--clamd', `tls:127.0.0.1:${otherPort}`])
    const CLAMD = `tls://127.0.0.1:${tlsPort}`
    const own = authority.certify('mx1')
    const byTls = await startMailHost(t, { CLAMD, ...own })
    const byTcp = await startMailHost(t, { CLAMD: `127.0.0.1:${port}` })
    const withOther = await startMailHost(t, {
      CLAMD: `${CLAMD} tls://127.0.0.1:${otherPort}`,
      ...own,
    })
    for (const host of [byTls, byTcp, withOther]) {
      const { code, log, header } = await host.judge(hello)
      t.equal(code, 0, log)
      t.match(header, /X-QHPSI: clean\n[\s\S]*X-SHA256-Cluster-1:/)
      t.match((await host.judge(virus)).log, / scan=infected /)
    }

    writeFileSync(off, '')
    await until(async () => (await byTls.judge(hello)).code !== 0, 'it is switched off')
    await t.test('over TLS', (t) => isDeferring(t, byTls))
    await t.test('and over TCP, also on the same host', (t) => isDeferring(t, byTcp))
    await t.test('another scanner is asked instead', async (t) => {
      for (let n = 0; n < 5; n++) {
        const { code, header } = await withOther.judge(hello)
        t.equal(code, 0)
        t.match(header, 'X-QHPSI: clean')
        t.match((await withOther.judge(virus)).log, / scan=infected /)
      }
    })
    rmSync(off)
    await until(async () => (await byTls.judge(hello)).code === 0, 'it scans again')
  },
)

t.test('a program of this host gets OK from an onescand that is switched off', async (t) => {
  const CONTROLDIR = t.testdir({ 'onescan.off': '' })
  const door = await openClamdDoor(t, { QHPSI: 'plugin: eicar', CONTROLDIR }, { byTcp: true })
  t.equal(await door.ask(inStream(virus)), 'stream: OK\0')
  const ofOnescan = inStream(Buffer.concat([TOP_LINE, virus]))
  const failed = 'stream: Not scanned: disabled, see the log ERROR\0'
  t.equal(await door.ask(ofOnescan), failed, 'but another onescan does not')
  for (let at = 1; at < 40; at++) {
    t.equal(await door.ask(ofOnescan.subarray(0, at), ofOnescan.subarray(at)), failed)
  }
  t.match(door.mailLog.at(-1), /decision=defer fault=config reason="\S+onescan\.off exists"/)
})

t.test(
  'another host gets an error, even in place of the limit for rspamd',
  { skip: lacks('the addon') },
  async (t) => {
    const CONTROLDIR = t.testdir({ 'onescan.off': '' })
    const authority = makeAuthority(t)
    const port = await freePort()
    const settings = { QHPSI: 'plugin: eicar', CONTROLDIR, SCANFAIL_CLAMD: 'limit' }
    await startOnescand(t, {
      settings: { ...settings, ...authority.certify('scan1') },
      args: ['--clamd', `tls:127.0.0.1:${port}`],
    })
    const host = await startMailHost(t, {
      CLAMD: `tls://127.0.0.1:${port}`,
      ...authority.certify('mx1'),
    })
    await isDeferring(t, host)
  },
)

t.test(
  'a server that calls the test virus clean is no scanner',
  { skip: lacks('the addon') },
  async (t) => {
    const blind = await standIn(t, numbered('stream: OK'), { findsEicar: false })
    const host = await startMailHost(t, { CLAMD: blind.socket })
    await isDeferring(t, host)
    const { log } = await host.judge(hello)
    t.match(log, /cause=scanner-error reason="clamd \S+: does not find the EICAR test virus/)
    await host.logged(/EICAR: is reported as clean: this server is not used/)
  },
)

t.test('a server becomes blind behind the same address', { skip: clamdMissing }, async (t) => {
  const socket = join(socketDirectory(t), 'clamd')
  const clamd = await startClamd(t, { alertExceedsMax: true, socket })
  const host = await startMailHost(t, { CLAMD: socket })
  t.equal((await host.judge(hello)).code, 0)
  await clamd.stop()
  const database = { 'x.ndb': 'Other:0:*:00010203040506070809\n' }
  await startClamd(t, { alertExceedsMax: true, socket, database })
  await isDeferring(t, host)
})
