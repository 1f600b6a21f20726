import { chmodSync, chownSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findAccount, groupName, obstacle } from '../../../../src/scanner/readiness/host/account.ts'
import { accounts, self, stranger } from '../host.ts'

t.test('an account has its primary group; all its groups only if they count', async (t) => {
  t.same(findAccount(accounts, 'stranger', 'primary'), stranger)
  t.same(findAccount(accounts, 'stranger', 'all'), { ...stranger, groups: [54322, 54323] })
  t.equal(findAccount(accounts, 'nobody', 'all'), undefined)
  t.equal(groupName(accounts, 54323), 'scanners')
  t.equal(groupName(accounts, 1), '1')
})

t.test('the first path that bars the account is named', async (t) => {
  const directory = t.testdir({ inner: { file: '' } })
  const inner = join(directory, 'inner')
  const file = join(inner, 'file')
  // On some hosts a directory above this one is closed to strangers.
  const above = obstacle(stranger, directory, 'search')
  if (above !== undefined) {
    t.equal(obstacle(stranger, file, 'read'), above)
    return
  }
  chmodSync(inner, 0o755)
  chmodSync(file, 0o644)
  t.equal(obstacle(stranger, file, 'read'), undefined)
  t.equal(obstacle(stranger, file, 'read', 'write'), file)
  t.equal(obstacle(stranger, file, 'execute'), file)
  chmodSync(inner, 0o700)
  t.equal(obstacle(stranger, file, 'read'), inner)
  t.equal(obstacle(self, file, 'read'), undefined)
  t.equal(obstacle({ ...stranger, uid: 0 }, file, 'read', 'write'), undefined, 'root may')
  t.equal(obstacle({ ...stranger, uid: 0 }, file, 'execute'), file, 'but not execute this')
})

const notRoot = self.uid !== 0 && 'run as root'

t.test('the mode of a group applies to its members only', { skip: notRoot }, async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')
  chownSync(file, 0, 54_323)
  chmodSync(file, 0o640)
  const member = findAccount(accounts, 'stranger', 'all')!
  const barrier = obstacle(stranger, file, 'read')
  if (barrier !== file) {
    t.pass(`${barrier} is closed to strangers on this host`)
    return
  }
  t.equal(obstacle(member, file, 'read'), undefined)
  t.equal(obstacle(member, file, 'write'), file)
  chmodSync(file, 0o604)
  t.equal(obstacle(member, file, 'read'), file, 'a member has no use for the bits of others')
})
