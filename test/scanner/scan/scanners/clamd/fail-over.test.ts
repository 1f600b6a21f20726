import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { ClamdScanner } from '../../../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import { readScanSettings } from '../../../../../src/scanner/scan/scanners/contract/scan-settings.ts'
import { listen } from '../../../../programs/host/listen.ts'
import { until } from '../../../../run/until.ts'
import { type Asked, numbered, standIn } from './stand-in.ts'
import { sample, scanTask } from './task.ts'

/** Several servers: which of them gets a message. */

/** A server that answers when the test lets it. */
async function openServer(t: Test, version = () => 'ClamAV 1.4.3') {
  const waiting: Asked[] = []
  const server = await standIn(t, (asked) => waiting.push(asked), { version })
  return {
    ...server,
    waiting,
    answerAll() {
      for (const asked of waiting.splice(0)) numbered('stream: OK')(asked)
    },
  }
}

function open(t: Test, CLAMD: string, log?: (line: string) => void) {
  const scanSettings = readScanSettings(
    { QHPSI: 'plugin: clamd', CLAMD },
    { qmailHome: '/', control: '/' },
  )!
  const scanner = new ClamdScanner(scanSettings, { isLasting: true, ...(log && { log }) })
  t.teardown(() => scanner.close())
  const scan = () => scanner.scan(sample(Buffer.from('Subject: x\n\ny\n')), scanTask().task)
  return { scanner, scan }
}

async function scanMany(
  { scan }: ReturnType<typeof open>,
  count: number,
  servers: readonly Awaited<ReturnType<typeof openServer>>[],
): Promise<number[]> {
  const scans = Array.from({ length: count }, scan)
  const waiting = () => servers.reduce((sum, { waiting }) => sum + waiting.length, 0)
  await until(() => waiting() >= count, `${count} wait`)
  const shares = servers.map(({ waiting }) => waiting.length)
  for (const server of servers) server.answerAll()
  for (const answer of await Promise.all(scans)) if (answer.answer !== 'clean') throw answer
  return shares
}

t.test('a message goes to the server with the fewest messages under way', async (t) => {
  const servers = [await openServer(t), await openServer(t), await openServer(t)]
  const pool = open(t, servers.map(({ socket }) => socket).join(' '))
  t.same(await scanMany(pool, 9, servers), [3, 3, 3])
  t.same(await scanMany(pool, 1, servers), [1, 0, 0], 'the first one where all are idle')
})

t.test('a server that does not report its version is skipped', async (t) => {
  const second = await openServer(t)
  // The server takes everything and answers nothing, as clamd does while it loads a database. After a
  // second it has failed.
  const silent = createServer((connection) => connection.resume())
  const path = `${second.socket}-silent`
  await listen(t, silent, path)
  const pool = open(t, `${path} ${second.socket}`)
  const { signatures } = pool.scanner.cacheable!
  if (typeof signatures !== 'function') throw new Error('it knows none')
  await signatures()
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  t.same(await scanMany(pool, 3, [second]), [3])
})

t.test('a server that answers without a result is not the last one that is asked', async (t) => {
  for (const reply of ["stream: Can't allocate memory ERROR", '', 'stream: ', 'x ERROR', 'ok']) {
    const sick = await standIn(t, numbered(reply))
    const well = await standIn(t, numbered('stream: Eicar FOUND'))
    const { scan } = open(t, `${sick.socket} ${well.socket}`)
    t.match(await scan(), { answer: 'infected', name: 'Eicar' }, reply)
    const alone = await open(t, sick.socket).scan()
    t.match(alone, { answer: 'unknown', cause: 'scanner-error' })
    t.match(await open(t, `${sick.socket} ${sick.socket}x`).scan(), { answer: 'unknown' })
  }
  // A limit is a result: another server need not be asked.
  const limited = await standIn(t, numbered('stream: Heuristics.Limits.Exceeded.MaxScanTime FOUND'))
  const well = await standIn(t, numbered('stream: OK'))
  t.match(await open(t, `${limited.socket} ${well.socket}`).scan(), { answer: 'unknown' })
})
