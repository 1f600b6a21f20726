import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readClusterPolicy } from '../../src/cluster/cluster-policy.ts'

/** The settings of a cluster, with its keyring. */

function directoryWith(t: Test, name: string): string {
  const directory = t.testdir({ [name]: 'sesame\n' })
  chmodSync(join(directory, name), 0o600)
  return directory
}

t.test(
  'the keyring is the file of CLUSTERKEYS, or clusterkeys among the control files',
  async (t) => {
    const control = directoryWith(t, 'clusterkeys')
    t.match(readClusterPolicy({}, control), {
      policy: { keys: [{ id: 'line-1' }], maxAge: 3600, peersOnly: false },
      off: undefined,
    })
    const named = { CLUSTERKEYS: join(control, 'clusterkeys') }
    t.match(readClusterPolicy(named, '/nonexistent'), { policy: { keys: [{ id: 'line-1' }] } })
    t.same(readClusterPolicy({}, '/nonexistent'), { policy: undefined, off: undefined })
    t.throws(() => readClusterPolicy({ CLUSTERKEYS: '/nonexistent' }, control), /ENOENT/)
  },
)

t.test('CLUSTERMAXAGE and CLUSTERPEERS are read, or have their defaults', async (t) => {
  const control = directoryWith(t, 'clusterkeys')
  const settings = { CLUSTERMAXAGE: '60', CLUSTERPEERS: 'required' }
  t.match(readClusterPolicy(settings, control).policy, {
    maxAge: 60,
    peersOnly: true,
  })
  t.match(readClusterPolicy({}, control).policy, { maxAge: 3600, peersOnly: false })
})
