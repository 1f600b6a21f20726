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

const clamd = (path: string, version?: string) => ({ address: readClamdAddress(path), version })

t.test('all servers must have been shown to extract the parts of mail', async (t) => {
  const extracted = new ExtractedForms({ uptime: () => 0 })
  t.equal(extracted.holdsFor([clamd('/a')]), false, 'no server was tried')
  extracted.record({ kind: 'extracts', server: '/a', isShown: true })
  t.equal(extracted.holdsFor([clamd('/a')]), true)
  t.equal(extracted.holdsFor([clamd('/a'), clamd('/b')]), false, 'one of two was')
  extracted.record({ kind: 'extracts', server: '/b', isShown: true })
  t.equal(extracted.holdsFor([clamd('/a'), clamd('/b')]), true, 'both were')
  extracted.record({ kind: 'extracts', server: '/a', isShown: false })
  t.equal(extracted.holdsFor([clamd('/a')]), false, 'the server was started anew')
})

t.test('nothing is known of a server after 40 s, or a broken connection', async (t) => {
  let now = 0
  const extracted = new ExtractedForms({ uptime: () => now })
  extracted.record({ kind: 'extracts', server: '/a', isShown: true })
  now = 39_999
  t.equal(extracted.holdsFor([clamd('/a')]), true)
  now = 40_000
  t.equal(extracted.holdsFor([clamd('/a')]), false)
  extracted.record({ kind: 'extracts', server: '/a', isShown: true })
  extracted.forget('/a')
  t.equal(extracted.holdsFor([clamd('/a')]), false)
})

t.test('nothing is known of a server whose version or socket has changed', async (t) => {
  const socket = `${socketDirectory(t)}/clamd`
  writeFileSync(socket, '')
  const extracted = new ExtractedForms({ uptime: () => 0 })
  const made = statSync(socket).mtimeMs / 1000
  extracted.record({
    kind: 'extracts',
    server: socket,
    version: 'ClamAV 1.4.3/27',
    made,
    isShown: true,
  })
  t.equal(extracted.holdsFor([clamd(socket)]), true, 'it was not asked for its version')
  t.equal(extracted.holdsFor([clamd(socket, 'ClamAV 1.4.3/27')]), true)
  t.equal(extracted.holdsFor([clamd(socket, 'ClamAV 1.4.3/28')]), false, 'it has other signatures')
  t.equal(await extracted.stillHolds([clamd(socket)]), true)
  utimesSync(socket, made, made + 1)
  t.equal(await extracted.stillHolds([clamd(socket)]), false, 'it was started again')
  t.equal(extracted.holdsFor([clamd(socket)]), false, 'the next message does not depend on it')
})

t.test('a socket is looked at once after each new connection', async (t) => {
  const socket = `${socketDirectory(t)}/clamd`
  writeFileSync(socket, '')
  const made = statSync(socket).mtimeMs / 1000
  const extracted = new ExtractedForms({ uptime: () => 0 })
  const tryAt = (made: number) => {
    extracted.record({ kind: 'extracts', server: socket, made, isShown: true })
  }
  const stillHold = (newestConnection: object) =>
    extracted.stillHolds([{ ...clamd(socket), newestConnection }])
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
    extracted.record({ kind: 'extracts', server: socket, made, isShown: true })
  }
  const server = { ...clamd(socket), newestConnection: {} }
  const stillHold = () => extracted.stillHolds([server])
  tryAt(made)
  t.equal(await extracted.stillHolds([{ ...server, newestConnection: {} }]), true)
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

t.test('what another test has shown meanwhile is what holds', async (t) => {
  const extracted = new ExtractedForms({ uptime: () => 0 })
  extracted.record({ kind: 'extracts', server: 'host:1', isShown: true })
  t.equal(await extracted.stillHolds([clamd('host:1')]), true)
  t.equal(await extracted.stillHolds([clamd('host:1'), clamd('/b')]), false, 'one more server')
  extracted.record({ kind: 'extracts', server: 'host:1', isShown: false })
  t.equal(await extracted.stillHolds([clamd('host:1')]), false)
})

t.test('servers are asked for room again when mail has asked fifty times', async (t) => {
  const events: string[] = []
  const extracted = new ExtractedForms({ notify: ({ kind }) => void events.push(kind) })
  const ask = async (times: number) => {
    for (let count = 0; count < times; count++) extracted.holdsFor([clamd('/a')])
  }
  await ask(49)
  t.equal(extracted.isWanted, false)
  await ask(51)
  t.equal(extracted.isWanted, true)
  t.same(events, ['wanted'], 'the other processes learn it once')
  extracted.record({ kind: 'extracts', server: '/a', isShown: true })
  t.equal(extracted.isWanted, false)
  extracted.want()
  t.equal(extracted.isWanted, true)
  await ask(100)
  t.same(events, ['wanted'], 'what another process has wanted is not sent again')
})

t.test('a restarted clamd is asked about each part at once', { skip: clamdMissing }, async (t) => {
  const socket = `${socketDirectory(t)}/clamd`
  const encoded = Buffer.from(EICAR).toString('base64')
  const mail = Buffer.from(
    `From: a\nContent-Type: application/x; name=a\nContent-Transfer-Encoding: base64\n\n${encoded}\n`,
  )
  const extracted = await extractingAll(socket)
  const know = (made: number | undefined) => {
    extracted.record({ kind: 'extracts', server: socket, made, isShown: true })
  }
  const first = await startClamd(t, { alertExceedsMax: true, socket })
  const made = await socketCreatedAt(readClamdAddress(socket))
  know(made)
  t.match(await judgeMessage(socket, mail, extracted), { isFound: true })
  await first.stop()
  await startClamd(t, { alertExceedsMax: true, socket, scanMail: false })
  know(made) // the first process has not noticed the restart
  t.match(await judgeMessage(socket, mail, extracted), { isFound: true })
})
