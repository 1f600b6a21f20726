import t from 'tap'
import { describeDoor } from '../../../src/doors/daemon/describe-door.ts'
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
