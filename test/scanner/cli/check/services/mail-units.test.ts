import t from 'tap'
import { checkMailServices } from '../../../../../src/scanner/cli/check/services/mail-units.ts'
import type { SystemdUnit } from '../../../../../src/scanner/cli/host/systemd-unit.ts'
import { linesOf } from '../../../../check-lines.ts'

const unit = (active: string, enabled: string): SystemdUnit => ({
  ...{ load: 'loaded', active, enabled, result: 'success', user: '', since: 0, invocation: '' },
  ...{ files: [], isStale: false, listens: [] },
})

/** What check reports of these services; `properties` are those that systemd shows. */
const found = (
  services: Readonly<Record<string, SystemdUnit>>,
  properties: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
) =>
  linesOf(
    checkMailServices(
      new Map(Object.entries(services)),
      (name) => new Map(Object.entries(properties[name] ?? {})),
    ),
  )

t.test('services beside the mail server run now and after a boot', async (t) => {
  t.same(found({}, { 'default.target': { Id: 'graphical.target' } }), [])
  const inOrder = {
    'dovecot.service': unit('active', 'enabled'),
    'rspamd.service': unit('inactive', 'disabled'),
    'opendkim.service': unit('failed', 'disabled'),
  }
  t.same(found(inOrder), [])
  t.same(found({ 'dovecot.service': unit('active', 'disabled') }), [
    'warning dovecot: runs, but is disabled: after a boot it does not run, and mail that needs it waits; systemctl enable dovecot',
  ])
  const byOther = { 'amavis.service': { RequiredBy: 'own.target' } }
  t.same(found({ 'amavis.service': unit('active', 'disabled') }, byOther), [])
  t.same(found({ 'rspamd.service': unit('failed', 'enabled') }), [
    'warning rspamd: does not run: it has failed; fix this error, then run systemctl restart rspamd',
  ])
})

t.test('a boot that starts no service is named', async (t) => {
  t.same(found({}, { 'default.target': { Id: 'rescue.target' } }), [
    'warning default.target: is rescue.target, so the next boot starts no mail server; systemctl set-default multi-user.target',
  ])
})
