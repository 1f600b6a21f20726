import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Setting } from '../../../src/base/settings/table/kinds.ts'
import { settingTable } from '../../../src/base/settings/table.ts'
import { badSettings } from '../../cases/bad-settings.ts'
import { isWhole } from '../../run/is-whole.ts'
import { newest, runSlot, type SlotRun } from '../../scanner/doors/slot/slot.ts'
import { openSlot } from '../../scanner/doors/slot/socket/rig.ts'
import { listInC, textInC } from '../built-in-c.ts'
import { beside, clientsBeside, missing, source, standalonePrograms } from './client.ts'

/**
 * A setting that makes no sense is the same fault for each program in the slot, with and without
 * onescand.
 */

const standalone = standalonePrograms(t)
const clients = missing ? [] : clientsBeside(standalone.queue)
const onescanc = missing ? '' : beside(standalone.queue)
const QHPSI = 'plugin: eicar'
const CLUSTERKEYS = join(standalone.directory, 'ring')
writeFileSync(CLUSTERKEYS, 'md5:a:sesame\n', { mode: 0o600 })

/** The variables that onescanc sends to onescand. */
const sent = listInC(textInC(source), 'sent_to_onescand')

const inShort = (settings: object) =>
  Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')

function deferred(t: Test, run: SlotRun, reason: RegExp): void {
  t.equal(run.code, 55, run.logged)
  t.equal(run.deliveries.length, 0)
  t.same(run.left, [])
  const [line = ''] = run.logged.split('\n').filter((text) => /decision=defer/.test(text))
  t.match(line, /^onescan: decision=defer fault=config reason="/)
  t.match(line, reason)
}

t.test(
  'the table of settings contains every number, size and word that onescand reads',
  async (t) => {
    const tried = new Set(badSettings.flatMap(({ settings }) => Object.keys(settings)))
    const read = Object.entries<Setting>(settingTable).filter(([name, { kind, readers }]) => {
      const isRead = readers.some((reader) => reader !== 'onescan-quotad')
      return kind !== 'text' && isRead && !name.startsWith('ONESCAN_') // which onescanc alone reads
    })
    t.ok(read.length > 20)
    t.same(
      read.filter(([name]) => !tried.has(name) && !name.startsWith('QUOTALDAP')),
      [],
    )
  },
)

// promise: step-1-start
t.test('an invalid setting is 55, and named in the log', { skip: missing, jobs: 2 }, async (t) => {
  const slot = await openSlot(t, { QHPSI, QUOTAD: 'quotad:127.0.0.1:9' })
  const warm = { ONESCAN_SOCKET: slot.socket }
  for (const { settings, reason, unscanned, ring, onlyDaemon, notAsked } of badSettings) {
    if (onlyDaemon) continue
    const name = `${inShort(settings)}${unscanned ? ', without QHPSI' : ''}`
    const all = { ...(unscanned ? {} : { QHPSI }), ...(ring && { CLUSTERKEYS }), ...settings }
    t.test(name, async (t) => {
      const asked = await runSlot({ program: [onescanc], settings: { ...warm, ...all } })
      if (notAsked) t.equal(asked.code, 0, asked.logged)
      else deferred(t, asked, reason)
      // The standalone program finds it, too.
      const nobody = { ...warm, ONESCAN_SOCKET: join(standalone.directory, 'nobody') }
      deferred(t, await runSlot({ program: [onescanc], settings: { ...nobody, ...all } }), reason)
    })
  }
})

t.test('an empty setting never causes a standalone scan', { skip: missing, jobs: 2 }, async (t) => {
  const own = { QHPSI, SCANTIMEOUT: '20', QUOTAD: 'quotad:127.0.0.1:9', SCANFAIL: 'accept' }
  const slot = await openSlot(t, own)
  // These have an effect even if empty; an empty QHPSI scans nothing; QUEUECHAIN leads
  // to the test's own queue.
  const effectiveIfEmpty = ['QHPSI', 'RELAYCLIENT', 'CLUSTERPEER', 'QUEUECHAIN']
  const others = sent.filter((name) => !effectiveIfEmpty.includes(name))
  t.ok(others.length > 30)
  for (const { name: client, program } of isWhole ? clients : []) {
    for (const name of others) {
      t.test(`${client}: ${name}=""`, async (t) => {
        const run = await runSlot({
          program,
          settings: { QHPSI, ONESCAN_SOCKET: slot.socket, [name]: '' },
        })
        t.equal(run.code, 0, run.logged)
        t.match(run.text, /^X-QHPSI: clean\n/)
        t.notMatch(run.logged, 'decision=standalone')
      })
    }
  }
  t.test('all other settings may be empty at once', async (t) => {
    const empty = Object.fromEntries(others.map((name) => [name, '']))
    const settings = { ...empty, QHPSI, ONESCAN_SOCKET: slot.socket }
    for (const { program } of clients) {
      const run = await runSlot({ program, settings })
      t.notMatch(run.logged, 'decision=standalone')
      t.match(run.text, /^X-QHPSI: clean\n/)
    }
    const alone = await runSlot({ program: newest, settings: { ...empty, QHPSI } })
    t.match(alone.text, /^X-QHPSI: clean\n/, 'nor does the standalone program stumble')
  })
})
