import t from 'tap'
import { marked, warning } from '../../../../../src/base/check/check-line.ts'
import { withSignatureService } from '../../../../../src/scanner/cli/check/services/signature-service.ts'

const line = warning('clamd', 'has old signatures', 'run freshclam')
const old = marked(line, 'needs signatures')

t.test(
  'old signatures are fetched by the service of freshclam, if one runs or is enabled',
  async (t) => {
    const remedyWith = (...states: readonly (readonly [string, string, string])[]) =>
      withSignatureService(old, (asked) => {
        const [, active = '', enabled = ''] =
          states.find(([name]) => `${name}.service` === asked) ?? []
        return active === '' ? undefined : { active, enabled }
      }).remedy
    const restart = (unit: string) =>
      `systemctl restart ${unit} && sleep 30 && journalctl -n 20 -u ${unit}`
    t.equal(remedyWith(['clamav-freshclam', 'active', 'disabled']), restart('clamav-freshclam'))
    t.equal(remedyWith(['freshclam', 'failed', 'enabled']), restart('freshclam'))
    for (const enabled of ['disabled', 'masked'])
      t.equal(remedyWith(['clamav-freshclam', 'inactive', enabled]), 'run freshclam')
    t.equal(remedyWith(), 'run freshclam')
  },
)

t.test('other remedies stay', async (t) => {
  t.equal(
    withSignatureService(line, () => ({ active: 'active', enabled: 'enabled' })),
    line,
  )
})
