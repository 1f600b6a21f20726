import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { checkKeyring } from '../../../src/scanner/readiness/check-keyring.ts'
import { obstacle } from '../../../src/scanner/readiness/host/account.ts'
import { complaints } from '../../check-lines.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { host, stranger } from './host.ts'

const hmac = `hmac-sha256:new:${Buffer.alloc(32, 1).toString('base64url')}`

/** Makes a ring where every account may look: this checkout may lie in root's home. */
function ring(t: Test, text: string, mode = 0o640): string {
  const directory = openDirectory(t)
  const file = join(directory, 'ring')
  writeFileSync(file, text)
  chmodSync(file, mode)
  return file
}

t.test('an hmac-sha256 ring that only this user can read has no findings', async (t) => {
  const checkLines = checkKeyring(host({ CLUSTERKEYS: ring(t, `${hmac}\n`) }))
  t.same(complaints(checkLines), [])
  t.match(checkLines.at(-1)?.value, '1 key, new makes stamps')
})

t.test('a host without a keyring has no cluster, which is not a problem', async (t) => {
  const [checkLine] = checkKeyring(host({}))
  t.match(checkLine, { level: 'ok', value: 'none at /nonexistent/control/clusterkeys: no stamps' })
  const [asked] = checkKeyring(host({}, { account: stranger, asksOnescand: true }))
  const value = 'none at /nonexistent/control/clusterkeys: onescand makes stamps, if it has keys'
  t.same(asked, { level: 'ok', what: 'keyring', value }, 'its keys are not those of the slot')
})

t.test(
  'a ring that the account of qmail-smtpd cannot read is reported with the remedy',
  async (t) => {
    const file = ring(t, hmac)
    const [checkLine] = checkKeyring(host({ CLUSTERKEYS: file }, { account: stranger }))
    t.match(checkLine, {
      level: 'error',
      value: /not readable by stranger \(strangers\): no stamps, all mail is scanned/,
    })
    if (obstacle(stranger, file, 'read') === file) {
      t.equal(checkLine?.remedy, `chgrp strangers ${file} && chmod 640 ${file}`)
      if (process.getuid!() === 0) {
        chownSync(file, 0, stranger.groups[0]!)
        t.same(complaints(checkKeyring(host({ CLUSTERKEYS: file }, { account: stranger }))), [])
      }
    }
  },
)

t.test('the remedy names the group of keys if there is one, and never that of root', async (t) => {
  const file = ring(t, hmac, 0o600)
  const remedyFor = (groups: readonly number[], group: string, isDaemon = true) => {
    const account = { name: 'nobody', uid: 54_321, groups }
    const accounts = { passwd: '', group }
    const of = host({ CLUSTERKEYS: file }, { account, accounts, isDaemon })
    return checkKeyring(of)[0]?.remedy
  }
  const give = `chgrp onescan-keys ${file} && chmod 640 ${file}`
  t.equal(remedyFor([54_322, 54_400], 'onescan-keys:x:54400:\n'), give)
  const keepers = 'root:x:0:\nonescan-keys:x:54400:\n'
  t.match(remedyFor([54_322], keepers), `usermod -aG onescan-keys nobody && ${give}`)
  t.match(remedyFor([54_322], keepers, false), `${give}, and run tcpserver with -g "$(getent group`)
  t.equal(remedyFor([0], 'root:x:0:\n'), `chown nobody ${file}`)
})

t.test('a ring in a closed directory is moved to the directory of keyrings', async (t) => {
  const file = ring(t, hmac)
  const closed = dirname(file)
  chmodSync(closed, 0o700)
  const moved = '/etc/onescan/keys/ring'
  t.match(checkKeyring(host({ CLUSTERKEYS: file }, { account: stranger })), [
    {
      level: 'error',
      remedy: `mv ${file} ${moved}, then set CLUSTERKEYS=${moved} in the environment of qmail-smtpd (its run script, envdir or rules)`,
    },
  ])
})

// promise: key-bans
t.test('if the slot asks onescand, its account should have no keys', async (t) => {
  const file = join(t.testdir({}), 'ring')
  writeFileSync(file, hmac, { mode: 0o600 })
  const as = (uid: number) => {
    const account = { name: 'qmaild', uid, groups: [54_322] }
    const asked = host({ CLUSTERKEYS: file }, { account, asksOnescand: true })
    return checkKeyring(asked)[0]
  }
  t.match(as(54_321), { level: 'ok', value: /onescand reads and qmaild .* does not/ })
  if (process.getuid!() === 0) chownSync(file, 54_321, 54_322)
  if (obstacle({ name: '', uid: 54_321, groups: [] }, file, 'read') === undefined) {
    t.match(as(54_321), { level: 'warning', value: /readable by qmaild/ })
  }
})

// promise: cluster-only
t.test('an md5 key is a risk in plain words, a short one an error', async (t) => {
  const text = `${hmac}\nmd5:long:${'x'.repeat(16)}\nmd5:short:${'x'.repeat(15)}\n`
  const checkLines = checkKeyring(host({ CLUSTERKEYS: ring(t, text) }))
  t.same(complaints(checkLines), ['warning key long', 'error key short', 'warning key short'])
  const [risk] = checkLines.filter(({ what }) => what === 'key long')
  for (const word of ['header', 'time', 'same MD5|one MD5', 'guessed offline']) {
    t.match(risk?.value, new RegExp(word))
  }
  t.match(risk?.remedy, 'onescan keygen')
  const weak = checkLines.find(({ level }) => level === 'error')
  t.match(weak, { value: /can be guessed/, remedy: /^replace this key with/ })
})

t.test('expired keys are reported; without a current key nothing is stamped', async (t) => {
  const past = `${hmac.replace(':new:', ':old:')}:until=2020-01-01\n`
  const both = checkKeyring(host({ CLUSTERKEYS: ring(t, `${past}${hmac}\n`) }))
  t.same(complaints(both), ['warning key old'])
  t.match(both.find(({ value }) => /makes stamps/.test(value))?.value, 'new makes stamps')
  const alone = checkKeyring(host({ CLUSTERKEYS: ring(t, past) }))
  t.same(complaints(alone), ['warning keyring', 'warning key old'])
})
