import { promises, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { readClamdAddress } from '../../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ExtractedForms } from '../../../../../src/scanner/scan/scanners/clamd/extracted-forms.ts'
import { socketCreatedAt } from '../../../../../src/scanner/scan/scanners/clamd/versions.ts'
import { EICAR } from '../../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { socketDirectory } from '../../../../programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../../../../programs/servers/clamd.ts'
import { until } from '../../../../run/until.ts'
import { extractingAll, judgeMessage } from '../evasions/judge-message.ts'
import { everyForm } from './every-form.ts'

const forms = everyForm
const clamd = (path: string, version?: string) => ({ address: readClamdAddress(path), version })
const few = { firstFields: ['Date'], contents: ['file base64'], multiparts: ['mixed'] } as const

t.test('all servers must have been shown to extract a form', async (t) => {
  const extracted = new ExtractedForms({ uptime: () => 0 })
  t.equal(extracted.of([clamd('/a')]), undefined, 'no server was tried')
  extracted.record({ kind: 'extracts', server: '/a', forms })
  t.same(extracted.of([clamd('/a')]), forms)
  t.equal(extracted.of([clamd('/a'), clamd('/b')]), undefined, 'one of two was')
  extracted.record({ kind: 'extracts', server: '/b', forms: few })
  t.same(extracted.of([clamd('/a'), clamd('/b')]), few, 'what both do counts')
  extracted.record({ kind: 'extracts', server: '/a' })
  t.equal(extracted.of([clamd('/a')]), undefined, 'the server was started anew')
})

t.test(
  'nothing is known of a server to which a connection broke, or after 40 seconds',
  async (t) => {
    let now = 0
    const extracted = new ExtractedForms({ uptime: () => now })
    extracted.record({ kind: 'extracts', server: '/a', forms })
    now = 39_999
    t.same(extracted.of([clamd('/a')]), forms)
    now = 40_000
    t.equal(extracted.of([clamd('/a')]), undefined)
    extracted.record({ kind: 'extracts', server: '/a', forms })
    extracted.forget('/a')
    t.equal(extracted.of([clamd('/a')]), undefined)
  },
)

t.test('nothing is known of a server whose version or socket has changed', async (t) => {
  const socket = `${socketDirectory(t)}/clamd`
  writeFileSync(socket, '')
  const extracted = new ExtractedForms({ uptime: () => 0 })
  const made = statSync(socket).mtimeMs / 1000
  extracted.record({ kind: 'extracts', server: socket, version: 'ClamAV 1.4.3/27', made, forms })
  t.same(extracted.of([clamd(socket)]), forms, 'it was not asked for its version')
  t.same(extracted.of([clamd(socket, 'ClamAV 1.4.3/27')]), forms)
  t.equal(extracted.of([clamd(socket, 'ClamAV 1.4.3/28')]), undefined, 'it has other signatures')
  t.equal(await extracted.stillHold([clamd(socket)], forms), true)
  utimesSync(socket, made, made + 1)
  t.equal(await extracted.stillHold([clamd(socket)], forms), false, 'it was started again')
  t.equal(extracted.of([clamd(socket)]), undefined, 'the next message does not depend on it')
})

t.test('a socket is looked at once after each new connection', async (t) => {
  const socket = `${socketDirectory(t)}/clamd`
  writeFileSync(socket, '')
  const made = statSync(socket).mtimeMs / 1000
  const extracted = new ExtractedForms({ uptime: () => 0 })
  const tryAt = (made: number) => {
    extracted.record({ kind: 'extracts', server: socket, made, forms })
  }
  const stillHold = (newestConnection: object) =>
    extracted.stillHold([{ ...clamd(socket), newestConnection }], forms)
  const [first, second] = [{}, {}]
  tryAt(made)
  t.equal(await stillHold(first), true)
  utimesSync(socket, made, made + 1)
  t.equal(await stillHold(first), true, 'the connection is to the clamd that was tried')
  t.equal(await stillHold(second), false, 'this one may be to another')
  tryAt(made + 1)
  t.equal(await stillHold(second), true)
  tryAt(made)
  t.equal(await stillHold(second), false, 'another clamd was tried since')
})

t.test('a socket that cannot be looked at shows nothing', async (t) => {
  const socket = `${socketDirectory(t)}/clamd`
  writeFileSync(socket, '')
  const made = statSync(socket).mtimeMs / 1000
  const extracted = new ExtractedForms({ uptime: () => 0 })
  const tryAt = (made: number | undefined) => {
    extracted.record({ kind: 'extracts', server: socket, made, forms })
  }
  const server = { ...clamd(socket), newestConnection: {} }
  const stillHold = () => extracted.stillHold([server], forms)
  tryAt(made)
  t.equal(await extracted.stillHold([{ ...server, newestConnection: {} }], forms), true)
  let answer = () => {}
  const silence = new Promise<void>((resolve) => {
    answer = resolve
  })
  const { stat } = promises
  const calls = t.intercept(promises, 'stat', {
    value: async (path: string) => silence.then(() => stat(path)),
  })
  t.equal(await stillHold(), false, 'all threads are busy, or the file system hangs')
  calls.restore()
  answer()
  await until(async () => {
    tryAt(made)
    return stillHold()
  }, 'the file system answers')
  rmSync(socket)
  tryAt(undefined)
  t.equal(await stillHold(), false, 'there was none, and is none')
})

t.test('what another test has shown meanwhile does not hold for what was left out', async (t) => {
  const extracted = new ExtractedForms({ uptime: () => 0 })
  extracted.record({ kind: 'extracts', server: 'host:1', forms })
  const before = extracted.of([clamd('host:1')])!
  extracted.record({ kind: 'extracts', server: 'host:1', forms: { ...forms } })
  t.equal(await extracted.stillHold([clamd('host:1')], before), true, 'the same as before')
  extracted.record({ kind: 'extracts', server: 'host:1', forms: few })
  t.equal(await extracted.stillHold([clamd('host:1')], before), false, 'fewer')
  t.equal(await extracted.stillHold([clamd('host:1'), clamd('/b')], few), false, 'one more server')
})

t.test('servers are asked for room again when mail has asked fifty times', async (t) => {
  const told: string[] = []
  const extracted = new ExtractedForms({ notify: ({ kind }) => void told.push(kind) })
  const ask = async (times: number) => {
    for (let count = 0; count < times; count++) extracted.of([clamd('/a')])
  }
  await ask(49)
  t.equal(extracted.isWanted, false)
  await ask(51)
  t.equal(extracted.isWanted, true)
  t.same(told, ['wanted'], 'the other processes learn it once')
  extracted.record({ kind: 'extracts', server: '/a', forms })
  t.equal(extracted.isWanted, false)
  extracted.want()
  t.equal(extracted.isWanted, true)
  await ask(100)
  t.same(told, ['wanted'], 'what another process has wanted is not told again')
})

t.test(
  'a clamd that was restarted with other settings is asked about each part at once',
  { skip: clamdMissing },
  async (t) => {
    const socket = `${socketDirectory(t)}/clamd`
    const encoded = Buffer.from(EICAR).toString('base64')
    const mail = Buffer.from(
      `From: a\nContent-Type: application/x; name=a\nContent-Transfer-Encoding: base64\n\n${encoded}\n`,
    )
    const extracted = await extractingAll(socket)
    const know = (made: number | undefined) => {
      extracted.record({ kind: 'extracts', server: socket, made, forms })
    }
    const first = await startClamd(t, { alertExceedsMax: true, socket })
    const made = await socketCreatedAt(readClamdAddress(socket))
    know(made)
    t.match(await judgeMessage(socket, mail, extracted), { isFound: true })
    await first.stop()
    await startClamd(t, { alertExceedsMax: true, socket, scanMail: false })
    know(made) // the first process has not noticed the restart
    t.match(await judgeMessage(socket, mail, extracted), { isFound: true })
  },
)
