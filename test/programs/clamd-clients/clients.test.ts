import { tmpdir } from 'node:os'
import t from 'tap'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { evasions } from '../../scanner/scan/scanners/evasions/all.ts'
import { startClamdForEvasions } from '../../scanner/scan/scanners/evasions/clamd.ts'
import { filePart, messageOf, mixed } from '../../scanner/scan/scanners/evasions/compose.ts'
import { clamdMissing } from '../servers/clamd.ts'
import { clamdClients } from './all.ts'
import { placeFor, serve } from './in-clamds-place.ts'
import { rspamdClients } from './rspamd.ts'

/**
 * Programs that ask clamd, and onescand in its place: nothing changes for them but who answers there.
 */

const clean = Buffer.from(mixed(filePart(Buffer.from('nothing that a signature knows'))))
const infected = Buffer.from(mixed(filePart(Buffer.from(EICAR))))

/** The line that shows what to add. */
const NAMES_FILES =
  /^onescand: clamd: user \d+ names files that are not visible in the unit of onescand: \/\S+; .*run systemctl edit onescand, add BindReadOnlyPaths=\/\S+ below \[Service\]/

for (const client of clamdClients) {
  t.test(client.name, { skip: client.missing || clamdMissing }, async (t) => {
    const place = await placeFor(t, client)
    const at = 'path' in place ? { socket: place.path } : { tcp: place.port }
    const itself = await startClamdForEvasions(t, at)
    const judge = await client.start(t, place)
    const evasion = Object.values(evasions).flat().find(({ name }) => name === client.evasion) // biome-ignore format: a line
    const hidden = messageOf(evasion!, '\n')

    await t.test('with clamd itself', async (t) => {
      t.equal(await judge(clean), 'let in')
      t.equal(await judge(infected), 'refused')
      t.equal(await judge(hidden), 'let in', client.evasion)
    })
    await itself.stop()

    await t.test('with onescand in its place', async (t) => {
      const { socket } = await startClamdForEvasions(t)
      const settings = { ...client.settings, CLAMD: socket }
      if (client.namesFiles) {
        const unbound = await serve(t, place, settings)
        t.equal(await judge(clean), 'deferred', 'files that the unit does not see')
        await unbound.logged(NAMES_FILES)
        unbound.kill()
        await unbound.ended
      }
      const onescand = await serve(t, place, settings, client.namesFiles && [tmpdir()])
      t.equal(await judge(clean), 'let in')
      await onescand.logged(/decision=accept scan=clean .*interface=clamd/)
      t.equal(await judge(infected), 'refused')
      t.equal(await judge(hidden), 'refused', client.evasion)
      await onescand.logged(/decision=reject scan=infected .*interface=clamd/)
    })

    await t.test('with onescand whose clamd is down', async (t) => {
      const onescand = await serve(t, place, { ...client.settings, CLAMD: '/nonexistent' })
      t.equal(await judge(clean), 'deferred')
      await onescand.logged(/decision=defer scan=unknown .*cause=unreachable .*interface=clamd/)
    })

    t.equal(await judge(clean), 'deferred', 'with nobody there')
  })
}

t.test('rspamd accepts mail after ERROR', { skip: rspamdClients[0]!.missing }, async (t) => {
  const [client] = rspamdClients
  const place = await placeFor(t, client!)
  const judge = await client!.start(t, place)
  const onescand = await serve(t, place, { CLAMD: '/nonexistent', SCANFAIL_CLAMD: 'error' })
  t.equal(await judge(clean), 'let in', 'which is why SCANFAIL_CLAMD=limit is there')
  await onescand.logged(/decision=defer .*cause=unreachable .*interface=clamd/)
})
