import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkPlaces } from '../../../src/doors/readiness/places.ts'
import { complaints, host, stranger } from './host.ts'

/** The room on the disk is that of the machine that runs the tests. */
const besidesRoom = (findings: ReturnType<typeof checkPlaces>) =>
  complaints(findings.filter(({ value }) => !/MiB|files left/.test(value)))

t.test('a private directory with the group of the scanner is well', async (t) => {
  const spool = join(t.testdir({ spool: {} }), 'spool')
  chmodSync(spool, 0o3730)
  const findings = checkPlaces(host({ SPOOLDIR: spool, TMPDIR: spool }))
  t.same(besidesRoom(findings), [])
  t.match(findings.at(-1)?.value, 'mode 03730')
  t.ok(
    findings.some(({ value }) => /\d+ MiB/.test(value)),
    'the room is told',
  )
})

t.test('a directory in which others may replace a message is an error', async (t) => {
  const spool = join(t.testdir({ spool: {} }), 'spool')
  for (const mode of [0o2730, 0o2770, 0o2702]) {
    chmodSync(spool, mode)
    const found = checkPlaces(host({ SPOOLDIR: spool })).filter(({ level }) => level === 'error')
    t.match(found, [{ what: 'SPOOLDIR', value: /sticky/, remedy: `chmod +t ${spool}` }])
  }
})

t.test(
  'a directory that is open to all, or that does not pass its group on, is a warning',
  async (t) => {
    const spool = join(t.testdir({ spool: {} }), 'spool')
    chmodSync(spool, 0o755)
    const findings = checkPlaces(host({ SPOOLDIR: spool }))
    t.match(
      findings.filter(({ level }) => level === 'warning'),
      [
        { what: 'SPOOLDIR', value: /mode 0755: open to all/, remedy: `chmod o= ${spool}` },
        { what: 'SPOOLDIR', value: /group of the slot/, remedy: /g\+s/ },
      ],
    )
  },
)

t.test(
  'a directory that is missing, is a file, or is closed to the slot is an error',
  async (t) => {
    const directory = t.testdir({ file: '', spool: {} })
    const spool = (name: string) => ({ QHPSI: 'x %s', SPOOLDIR: join(directory, name) })
    t.same(besidesRoom(checkPlaces(host(spool('missing')))), ['error SPOOLDIR'])
    t.same(besidesRoom(checkPlaces(host(spool('file')))), ['error SPOOLDIR'])
    t.same(besidesRoom(checkPlaces(host({ TMPDIR: join(directory, 'missing') }))), [
      'error spool (TMPDIR)',
    ])
    chmodSync(join(directory, 'spool'), 0o3730)
    const closed = checkPlaces(host(spool('spool'), { account: stranger }))
    t.match(
      closed.find(({ level }) => level === 'error'),
      {
        what: 'SPOOLDIR',
        value: /not writable by stranger/,
      },
    )
  },
)
