import t from 'tap'
import type { CheckLine } from '../../src/base/check/check-line.ts'
import { CLAMD_ANSWERS } from './broken-hosts.ts'
import { hostsWithFaults } from './hosts-with-faults.ts'
import { bootMailHost, mailHostMissing } from './mail-host.ts'

/**
 * The findings of `onescan check` on a host with a mail server and clamd that was broken, and the result of its remedies:
 * each is carried out, and then mail is tried. FAULT='WORDS|WORDS' chooses among them: words of `HOST: FAULT`. After one that fails,
 * the host is again as it was set up, so that those after it are tried on a host that works.
 */

/** What faults and remedies change, and a boot leaves so. */
const CHANGED = 'etc var/lib/onescan var/lib/clamav var/spool $(ls -d var/qmail 2>/dev/null)'
const KEEP = `cd / && tar -cf /as-set-up.tar ${CHANGED}`
const RESTORE = `umount -l /var/lib/onescan/quarantine; cd /; rm -rf ${CHANGED}; tar --numeric-owner -xpf /as-set-up.tar`

for (const { title, packages, prepare, place, setUp, faults, door } of hostsWithFaults) {
  const wanted = (process.env.FAULT ?? '').split('|')
  const isChosen = (name: string) => wanted.some((words) => `${title}: ${name}`.includes(words))
  const chosen = faults.filter(({ name }) => isChosen(name))
  if (chosen.length === 0) continue
  t.test(`each remedy of check is carried out: ${title}`, { skip: mailHostMissing }, async (t) => {
    const host = await bootMailHost(t, packages, prepare, { place })
    const type = (script: string) =>
      host.run(`exec </dev/null; export HOME=/root; cd /root; ${script}`)
    const checkLines = (options = '') =>
      (
        JSON.parse(type(`onescan check --json ${options} 2>/dev/null`).output) as {
          results: CheckLine[]
        }
      ).results
    const errors = () => checkLines().filter(({ level }) => level === 'error')
    type(`sed -i '/^SelfCheck/d' /etc/clamav/clamd.conf; echo 'SelfCheck 600' >>/etc/clamav/clamd.conf
      ${setUp}`)
    await host.reboot()
    type(CLAMD_ANSWERS)
    // Its one signature is that of the test.
    const isOfHost = ({ level, value }: CheckLine) => level !== 'ok' && !/signature/.test(value)
    t.same(checkLines().filter(isOfHost), [], 'a host as its page sets it up has no warning')
    t.equal(type(KEEP).code, 0)

    for (const { name, breaks, reported, does, restores = ':', isLast, byMail } of chosen) {
      await t.test(name, async (t) => {
        t.teardown(async () => {
          if (t.passing()) return
          type(RESTORE)
          await host.reboot()
          type(CLAMD_ANSWERS)
        })
        type(breaks)
        const found = checkLines(byMail && '--mail you@example.org')
        // After `onescand` is its process, after `key` an id.
        const checkLine = found.find(
          ({ what, value }) =>
            `${what} `.startsWith(`${reported.what} `) && reported.value.test(value),
        )
        t.match(checkLine, reported, JSON.stringify(found.filter(({ level }) => level !== 'ok')))
        const typed = type(does ?? checkLine!.remedy!)
        t.equal(typed.code, 0, `${does ?? checkLine!.remedy}: ${typed.output}`)
        t.same(errors(), [], 'nothing is wrong any more')
        if (isLast) return
        const { output } = type('onescan check --mail you@example.org')
        const clean = `^ok +port 25, clean mail: is scanned by the ${door} interface, and accepted$`
        t.match(output, new RegExp(clean, 'm'))
        const virus = `^ok +port 25, EICAR: is (refused|quarantined|found) by the ${door} interface: EICAR-Test`
        t.match(output, new RegExp(virus, 'm'))
        t.notMatch(output, /^error/m)
        type(restores)
      })
    }
  })
}
