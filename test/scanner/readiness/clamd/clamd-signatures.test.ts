import { join } from 'node:path'
import t from 'tap'
import {
  checkCount,
  signaturesIn,
} from '../../../../src/scanner/readiness/clamd/clamd-signatures.ts'

t.test('signatures are counted: a handful makes no database', async (t) => {
  const header = `ClamAV-VDB:08 Apr 2025 08-43 +0000:27600:2075000:90:a:b:c:1:`.padEnd(512)
  const directory = t.testdir({
    few: { 'x.ndb': 'A:0:*:00\n# no\nB:0:*:01\n', 'y.txt': 'z\n' },
    many: { 'daily.cvd': `${header}...`, 'x.ndb': 'A:0:*:00\n' },
    empty: {},
  })
  t.equal(signaturesIn(join(directory, 'few')), 2)
  t.equal(signaturesIn(join(directory, 'few/x.ndb')), 2)
  t.equal(signaturesIn(join(directory, 'many')), 2_075_001)
  t.match(checkCount('clamd', join(directory, 'empty')), [
    { level: 'warning', value: /^only 0 signatures/, remedy: /freshclam/ },
  ])
  t.same(checkCount('clamd', join(directory, 'many')), [])
  t.same(checkCount('clamd', join(directory, 'nowhere')), [])
})
