import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readClusterSettings } from '../../../src/scan/cluster/keyring.ts'

/** The settings of a cluster, with its keyring. */

function directoryWith(t: Test, name: string): string {
  const directory = t.testdir({ [name]: 'sesame\n' })
  chmodSync(join(directory, name), 0o600)
  return directory
}

t.test('the keyring is CLUSTERKEYS, or clusterkeys among the control files', async (t) => {
  const control = directoryWith(t, 'clusterkeys')
  t.match(readClusterSettings({}, control), {
    cluster: { keys: [{ id: 'line-1' }], CLUSTERMAXAGE: 3600, CLUSTERPEERS: 'optional' },
    off: undefined,
  })
  const named = { CLUSTERKEYS: join(control, 'clusterkeys') }
  t.match(readClusterSettings(named, '/nonexistent'), { cluster: { keys: [{ id: 'line-1' }] } })
  t.same(readClusterSettings({}, '/nonexistent'), { cluster: undefined, off: undefined })
  t.throws(() => readClusterSettings({ CLUSTERKEYS: '/nonexistent' }, control), /ENOENT/)
})

t.test('CLUSTERMAXAGE and CLUSTERPEERS are read, or have their defaults', async (t) => {
  const control = directoryWith(t, 'clusterkeys')
  const settings = { CLUSTERMAXAGE: '60', CLUSTERPEERS: 'required' }
  t.match(readClusterSettings(settings, control).cluster, {
    CLUSTERMAXAGE: 60,
    CLUSTERPEERS: 'required',
  })
  t.match(readClusterSettings({}, control).cluster, {
    CLUSTERMAXAGE: 3600,
    CLUSTERPEERS: 'optional',
  })
})
