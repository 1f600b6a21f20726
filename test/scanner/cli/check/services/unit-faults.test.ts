import t from 'tap'
import { missingIn } from '../../../../../src/scanner/cli/check/services/unit-faults.ts'

t.test('a path that a unit binds must exist, unless it is optional', async (t) => {
  const exists = (path: string) => path === '/srv/there'
  const value =
    '/srv/there:/srv/there:rbind /mnt/gone:/mnt/gone:rbind -/opt/gone:/opt/gone:rbind /mnt/other:/srv'
  t.same(missingIn(value, exists), ['/mnt/gone', '/mnt/other'])
  t.same(missingIn('', exists), [])
})
