import t from 'tap'
import { filterFor } from '../../../../src/base/protocol/ldap/ldap-directory.ts'

t.test('any name is a value in a filter', async (t) => {
  const filter = (local: string, domain = '') => {
    const name = domain === '' ? local : `${local}@${domain}`
    return filterFor('(&(uid=%n)(dc=%d)(mail=%u))', { name, local, domain })
  }
  t.equal(filter('ann', 'example.org'), '(&(uid=ann)(dc=example.org)(mail=ann@example.org))')
  t.equal(
    filter('*)(uid=\\'),
    '(&(uid=\\2a\\29\\28uid\\3d\\5c)(dc=)(mail=\\2a\\29\\28uid\\3d\\5c))',
  )
  t.equal(filter('\xc3\xb6'), '(&(uid=\u00f6)(dc=)(mail=\u00f6))')
  t.equal(filter('\xf6'), undefined, 'what is not UTF-8 is the name of nobody')
  t.equal(filter('%u'), '(&(uid=\\25u)(dc=)(mail=\\25u))', 'and are not filled in again')
})
