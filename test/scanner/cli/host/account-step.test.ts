import t from 'tap'
import { findAccountStep } from '../../../../src/scanner/cli/host/account-step.ts'

const accounts = {
  passwd: 'root:x:0:0::/:/bin/sh\nvpopmail:x:89:90::/:/bin/false\nqmaild:x:7:8::/:/bin/false\n',
  group: 'root:x:0:\nvchkpw:x:90:\nonescan:x:99:vpopmail\nnofiles:x:8:\n',
}

/** Words between tcpserver and qmail-smtpd, with the user and the groups that they set. */
const understood: Readonly<Record<string, readonly [uid: number, groups: readonly number[]]>> = {
  'setpriv --reuid=vpopmail --regid=vchkpw --groups=onescan': [89, [90, 99]],
  'setpriv --reuid vpopmail --regid vchkpw --groups vchkpw,onescan': [89, [90, 99]],
  'setpriv --reuid=89 --regid=90 --clear-groups --no-new-privs': [89, [90]],
  '/usr/bin/setpriv --regid=vchkpw --init-groups --reuid=vpopmail': [89, [90, 99]],
  'chpst -u vpopmail:vchkpw:onescan': [89, [90, 99]],
  'chpst -u qmaild': [7, [8]],
  'chpst -u :7:99': [7, [99]],
}

/** Words of which the account is unknown. */
const unknown = [
  'rblsmtpd',
  'chpst -e ./env -u vpopmail:vchkpw',
  'chpst -u vpopmail:vchkpw -m 1000',
  'chpst -u vpopmail:nothing-such',
  'chpst',
  'setpriv --reuid=nobody-such --regid=vchkpw --clear-groups',
  'setpriv --reuid=vpopmail --clear-groups',
  'setpriv --reuid=vpopmail --regid=vchkpw --groups=onescan --securebits=noroot',
  'setpriv --ruid=vpopmail --regid=vchkpw --clear-groups',
]

for (const [line, [uid, groups]] of Object.entries(understood)) {
  t.test(`${line}: sets the account`, async (t) => {
    const words = ['-v', '0', '25', ...line.split(' '), 'envdir', './env']
    const step = findAccountStep(words, accounts)
    t.match(step, { uid, groups })
    t.equal(words.slice(step!.from, step!.to).join(' '), line)
  })
}

for (const line of unknown) {
  t.test(`${line}: sets no account that is known`, async (t) => {
    t.equal(findAccountStep(line.split(' '), accounts), undefined)
  })
}
