import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../src/base/check/check-line.ts'
import { shellWord } from '../../src/base/text/shell-word.ts'
import type { BootedDebian } from './booted-debian.ts'
import { CLAMD_ANSWERS } from './broken-hosts.ts'
import { packageOnce } from './built-package.ts'
import { earlierPackage } from './earlier-package.ts'
import { type HostWay, hostWays, type Warnings } from './host-ways.ts'
import { checkFlow, FLOW, LARGE, TWO } from './mail-flow.ts'
import { bootMailHost, mailHostMissing } from './mail-host.ts'

/**
 * Each way by which mail comes to onescan, on a host of its own: it is set up as on its page, booted again and removed;
 * then an earlier package is set up, upgraded while mail comes in all the time, booted again, and removed. WAY=WORDS
 * chooses among them; EARLIER is the file of a real earlier package.
 */

for (const way of hostWays.filter(({ name }) => name.includes(process.env.WAY ?? ''))) {
  t.test(way.name, { skip: mailHostMissing }, async (t) => {
    const { name, packages, prepare, place, typed, undone } = way
    const host = await bootMailHost(t, `${packages} clamdscan python3 iproute2`, prepare, { place })
    const file = await packageOnce('whole')
    copyFileSync(earlierPackage(t, file), join(host.path, 'earlier.deb'))
    writeFileSync(join(host.path, 'two.py'), TWO)
    writeFileSync(join(host.path, 'flow.py'), FLOW)
    writeFileSync(join(host.path, 'large.py'), LARGE)
    const type = (script: string) =>
      host.run(
        `exec </dev/null; export HOME=/root DEBIAN_FRONTEND=noninteractive; cd /root; ${script}`,
      )
    const listen = [25, ...(way.listens ?? [])].map(
      (port) => `for i in $(seq 600); do ss -ltn | grep -q ':${port} ' && break; sleep 0.1; done`,
    )
    const settle = () => type([CLAMD_ANSWERS, ...listen].join('\n'))
    const must = (t: Test, script: string) => {
      const { code, output } = type(script)
      t.equal(code, 0, `${script}\n${output}`)
      settle()
    }
    const reboot = async () => {
      await host.reboot()
      settle()
    }
    settle()
    const scans = (t: Test, when: string) => {
      tryTwo(t, host, way, when)
      checks(t, type, `check ${when}`, way.unsure)
      checks(t, type, `check --mail ${when}`, way.limits, '--mail you@example.org')
    }
    const isOpen = (t: Test, when: string) => tryTwo(t, host, way, when, false)

    await t.test('as the page has it', async (t) => {
      must(t, typed)
      scans(t, 'at first')
      await reboot()
      scans(t, 'after a boot')
      if (way.refusesLarge) t.equal(host.run('python3 /large.py 25').output, '250\n552\n')
      must(t, undone)
      must(t, 'apt-get purge --yes onescan onescan-runtime')
      isOpen(t, 'without onescan')
    })

    await t.test('an upgrade with mail flowing', async (t) => {
      const { code, output } = type('dpkg -i /earlier.deb')
      t.equal(code, 0, output)
      // The link that qmail uses belongs to the administrator, who gets the command.
      const [, link = ':'] = /^onescan: +(ln -sfn .*)$/m.exec(output) ?? []
      must(t, link)
      must(t, withExamples(host, typed))
      tryTwo(t, host, way, `${name} with the earlier package`)
      await upgrade(t, type, way)
      must(t, way.again ?? ':')
      scans(t, 'after the upgrade')
      await reboot()
      scans(t, 'after the upgrade and a boot')
      must(t, undone)
      must(t, 'apt-get remove --yes onescan')
      isOpen(t, 'after removal')
      await reboot()
      isOpen(t, 'after removal and a boot')
    })
  })
}

type Type = (script: string) => { readonly code: number | null; readonly output: string }

function tryTwo(t: Test, host: BootedDebian, { virus }: HostWay, when: string, scanned = true) {
  const { output } = host.run('python3 /two.py 25')
  const [clean = '', infected = ''] = output.trim().split('\n')
  t.equal(clean, '250', `clean mail ${when}: ${output}`)
  t.match(infected, virus[scanned ? 0 : 1], `EICAR ${when}: ${output}`)
}

/** The warnings of each host of these tests, whose clamd has one signature, and not ClamAV's. */
const OF_TEST: Warnings = {
  'clamd /run/clamav/clamd.ctl': /^only 1 signature /,
  'clamd /run/clamav/clamd.ctl SelfCheck': /new local signatures/,
}

/** Checks that the host is in order once these warnings, which the page states, are accepted by their names: exit code 0. */
function checks(t: Test, type: Type, title: string, limits: Warnings = {}, options = '') {
  const all = { ...limits, ...(options === '' && OF_TEST) }
  const accept = Object.keys(all).map((name) => `--accept ${shellWord(name)}`)
  const { code, output } = type(`onescan check --json ${options} ${accept.join(' ')} 2>/dev/null`)
  const { results } = JSON.parse(output) as { results: CheckLine[] }
  const odd = results.filter(({ level }) => level !== 'ok')
  t.equal(code, 0, `${title}: ${JSON.stringify(odd)}`)
  for (const [name, value] of Object.entries(all)) {
    const accepted = results.filter(
      (found) => found.what.replace(/ \[.*\]$/, '') === name && found.value.endsWith(' (accepted)'),
    )
    t.ok(accepted.length > 0, `${title}: ${name} is a warning`)
    t.notOk(accepted.some((found) => !value.test(found.value)), `${title}: ${name}: ${JSON.stringify(accepted)}`) // biome-ignore format: a line
  }
}

/** What the page has, with the examples of the earlier package where that has them, or else those of today. */
function withExamples(host: BootedDebian, typed: string): string {
  if (existsSync(join(host.path, 'usr/share/onescan/examples'))) return typed
  const own = typed.replaceAll(
    /\/usr\/share\/onescan\/examples\/\w+\/([\w.-]+)/g,
    (path, name) => host.run(`find /usr/share/doc/onescan -name ${name}`).output.trim() || path,
  )
  return `dpkg-deb -x /onescan.deb /today && dpkg-deb -x /smtp-delay.deb /today && mkdir -p /usr/share/onescan && cp -r /today/usr/share/onescan/examples /usr/share/onescan/
    ${own}`
}

async function upgrade(t: Test, type: Type, { virus, delivered }: HostWay): Promise<void> {
  const { code, output } = type(`python3 /flow.py 25 /stop >/flow 2>&1 & flow=$!
    for i in $(seq 100); do grep -q accepted /flow && break; sleep 0.1; done
    apt-get install --yes --no-install-recommends /onescan.deb /onescan-runtime.deb; code=$?
    sleep 3; touch /stop; wait $flow; rm /stop; exit $code`)
  t.equal(code, 0, output)
  const fine = { clean: /^(250|4\d\d)$/, virus: new RegExp(`${virus[0].source}|^4\\d\\d$`) }
  // The large test mail of check may be there, too.
  const bodies = () => type(`{ ${delivered}; } | grep -a ^flow`).output
  await checkFlow(t, type('cat /flow').output, fine, bodies)
  // As check asks: until then its test mail waits, too, in a queue before a filter.
  type('for i in $(seq 600); do mailq | grep -q "^[0-9A-F]*[*]" || break; sleep 1; done')
}
