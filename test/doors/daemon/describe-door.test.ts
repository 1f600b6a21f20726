import t from 'tap'
import { describeDoor } from '../../../src/doors/daemon/describe-door.ts'
import type { PlacedDoor } from '../../../src/doors/daemon/options/door-kind.ts'
import type { Configuration } from '../../../src/doors/shared/configuration.ts'
import { readScanningPolicy } from '../../../src/judge/policy.ts'

t.test('onescand says at its start that it may not read its keyring', async (t) => {
  const env = { QHPSI: 'plugin: eicar', CONTROLDIR: '/nonexistent' }
  const why = '/etc/onescan/keys/clusterkeys is not readable by uid 999: no clustering'
  const policy = { ...readScanningPolicy(env)!, remark: why }
  const directories = { qmailHome: '/nonexistent', control: '/nonexistent' }
  const by = { policy, directories, quota: undefined } as Partial<Configuration> as Configuration
  const door = { kind: 'milter', address: 'unix:/m' } as const
  t.match(describeDoor(door, by), `, no stamps (${why})`)
  t.match(describeDoor(door, { ...by, policy: { ...policy, remark: '' } }), /, no stamps$/)
})

t.test('what a door says of viruses is what becomes of them', async (t) => {
  const directories = { qmailHome: '/nonexistent', control: '/nonexistent' }
  const milter = { kind: 'milter', address: 'unix:/m' } as const
  const relay = { afterQueue: true, next: { text: 'inet:127.0.0.1:1' } }
  const behind = { kind: 'smtp', address: 'inet:127.0.0.1:2', relay } as unknown as PlacedDoor
  const said = (door: PlacedDoor, settings: Record<string, string>) => {
    const env = { QHPSI: 'plugin: eicar', CONTROLDIR: '/nonexistent', ...settings }
    const policy = readScanningPolicy(env)!
    const by = { policy, directories, quota: undefined } as Partial<Configuration> as Configuration
    return describeDoor(door, by).split(', ')[1]
  }
  const [keep, hold] = [{ QUARANTINE: '/var/kept' }, { QUARANTINE: 'hold' }]
  const forward = { VIRUSFORWARD: 'virus@example.org' }
  t.equal(said(milter, {}), 'tags viruses and lets them in')
  t.equal(said(milter, keep), 'keeps viruses in quarantine')
  t.equal(said(milter, hold), 'has the MTA hold viruses')
  t.equal(said(milter, { ...keep, REJECTVIRUS: '1' }), 'refuses viruses')
  t.equal(said(milter, { ...keep, ...forward }), 'keeps viruses in quarantine')
  t.equal(said(milter, forward), 'sends viruses to virus@example.org')
  t.equal(said(milter, { REJECTVIRUS: '2' }), 'drops viruses')
  t.equal(said(milter, { ...keep, REJECTVIRUS: '2' }), 'keeps viruses in quarantine')
  t.equal(said(behind, { REJECTVIRUS: '1' }), 'tags viruses and lets them in')
  t.equal(said(behind, { ...keep, REJECTVIRUS: '1' }), 'keeps viruses in quarantine')
  t.equal(said(behind, { ...forward, REJECTVIRUS: '1' }), 'sends viruses to virus@example.org')
  t.equal(said(behind, hold), 'defers viruses (QUARANTINE hold)')
})
