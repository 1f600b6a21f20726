import t from 'tap'
import { marked, ok, warning } from '../../../../../src/base/check/check-line.ts'
import { withRspamd } from '../../../../../src/scanner/cli/check/mail-server-config/rspamd.ts'
import { doorBy } from '../../../../../src/scanner/options/door-address.ts'
import { linesOf } from '../../../../check-lines.ts'

/** What `onescan check` reports about an rspamd that Postfix has as its milter, by its files as rspamadm prints them. */

const asThePage = {
  servers: '127.0.0.1:3311',
  symbol: 'CLAM_VIRUS',
  type: 'clamav',
  action: 'reject',
  scan_mime_parts: false,
}
const forcedAsThePage = { rules: { ONESCAN_NOT_SCANNED: { expression: 'CLAM_VIRUS_FAIL' } } }
const WORKERS = [{ normal: { bind_socket: '*:11333' } }, { rspamd_proxy: { bind_socket: 'localhost:11332' } }] // biome-ignore format: a line

const unknown = (filters: string) =>
  marked(
    warning('smtpd_milters', `${filters}: it is unknown whether this filter uses onescand`, 'try'),
    'may ask clamd',
  )

const linesAbout = async (
  antivirus: object,
  forced: object = forcedAsThePage,
  { filters = 'inet:localhost:11332', areNewer = false } = {},
) => {
  const printed = [antivirus, forced, ...WORKERS].map((part) => JSON.stringify(part, null, 4)).join('\n') // biome-ignore format: a line
  const clamd = ['unix:/run/onescan/clamd.sock', 'inet:127.0.0.1:3311'].map((text) => doorBy('clamd')(text, '')) // biome-ignore format: a line
  const endpoints = { milters: [], smtp: [], clamd, isRunning: true }
  const found = [ok('other', 'is there'), unknown(filters)]
  const [, ...lines] = await withRspamd(found, endpoints, async () => ({ printed, areNewer }))
  return linesOf(lines)
}

const uses = /^ok smtpd_milters: rspamd uses onescand as clamd at inet:127\.0\.0\.1:3311$/

t.test('an rspamd that uses onescand as clamd is known by its own files', async (t) => {
  t.match(await linesAbout({ clamav: asThePage }), [uses])
  const byPath = { clamav: { ...asThePage, servers: '/run/onescan/clamd.sock' } }
  t.match(await linesAbout(byPath), [/^ok .* at unix:\/run\/onescan\/clamd\.sock$/])
  const both = { filters: 'inet:127.0.0.1:11332, unix:/run/dkim' }
  t.match(await linesAbout({ clamav: asThePage }, forcedAsThePage, both), [uses])
  t.match(await linesAbout({ clamav: asThePage }, forcedAsThePage, { areNewer: true }), [
    uses,
    /^warning rspamd: runs with older settings .*; rspamadm configtest && systemctl restart rspamd$/,
  ])
})

t.test('an rspamd that does not use onescand is named, if no other filter may', async (t) => {
  for (const [antivirus, value] of [
    [{ enabled: false, clamav: asThePage }, 'does not load its module antivirus'],
    [{}, 'has no section for clamd'],
    [{ sophos: { servers: '127.0.0.1:3311' } }, 'has no section for clamd'],
    [{ clamav: { ...asThePage, servers: '127.0.0.1:3310' } }, 'asks the clamd at "127.0.0.1:3310"'],
  ] as const) {
    t.match(await linesAbout(antivirus), [
      new RegExp(`^warning smtpd_milters: rspamd ${value}: onescand does not scan its mail; .*, then run rspamadm configtest && `), // biome-ignore format: a line
    ])
    const both = { filters: 'inet:localhost:11332, unix:/run/other' }
    t.match(await linesAbout(antivirus, {}, both), [/: it is unknown whether /])
  }
  for (const filters of ['inet:localhost:11333', 'inet:192.0.2.1:11332', 'unix:/run/rspamd'])
    t.match(await linesAbout({}, {}, { filters }), [/: it is unknown whether /])
})

t.test(
  'what keeps the mail of rspamd from being scanned whole, or refused, is named',
  async (t) => {
    const { action, scan_mime_parts, ...section } = asThePage
    t.match(await linesAbout({ mine: section }, {}), [
      uses,
      /^warning section mine of rspamd: has no action: .* names CLAM_VIRUS; set action = "reject" in the section mine of /,
      /^warning section mine of rspamd: onescand gets only attachments, .*; set scan_mime_parts = false in /,
      /^warning section mine of rspamd: no rule of force_actions names CLAM_VIRUS_FAIL: .*; add the lines of /,
    ])
    t.match(await linesAbout({ mine: { ...section, scan_mime_parts, score: 9 } }), [uses])
  },
)

t.test('files of rspamd that cannot be read leave it unknown', async (t) => {
  const endpoints = { milters: [], smtp: [], clamd: [], isRunning: true }
  const found = [unknown('inet:localhost:11332')]
  for (const printed of [undefined, '', 'Section worker NOT FOUND'])
    t.same(
      await withRspamd(found, endpoints, async () =>
        printed === undefined ? undefined : { printed, areNewer: false },
      ),
      found,
    )
})
