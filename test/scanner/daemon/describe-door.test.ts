import t from 'tap'
import type { Configuration } from '../../../src/scanner/configuration/configuration.ts'
import { describeDoor } from '../../../src/scanner/daemon/describe-door.ts'
import type { ListeningDoor } from '../../../src/scanner/options/door-address.ts'
import {
  type JudgeConfig,
  readScanningConfig,
} from '../../../src/scanner/scan/judge/context/judge-config.ts'

const configurationOf = (config: JudgeConfig, tools = {}, scanners: readonly unknown[] = []) =>
  ({
    context: { config, tools: { ...tools, scanners } },
    off: { value: undefined },
    quota: undefined,
  }) as unknown as Configuration

t.test('onescand reports at its start that it may not read its keyring', async (t) => {
  const env = { QHPSI: 'plugin: eicar', CONTROLDIR: '/nonexistent' }
  const reason = '/etc/onescan/keys/clusterkeys is not readable by uid 999: no stamps'
  const config = { ...readScanningConfig(env)!, remarks: [reason] }
  const by = configurationOf(config)
  const door = { kind: 'milter', address: 'unix:/m' } as const
  t.match(describeDoor(door, by), `, no stamps (${reason})`)
  t.match(describeDoor(door, configurationOf({ ...config, remarks: [] })), /, no stamps$/)
})

t.test('the description of an interface matches its handling of viruses', async (t) => {
  const milter = { kind: 'milter', address: 'unix:/m' } as const
  const route = { isQueued: true, next: { text: 'inet:127.0.0.1:1' } }
  const behind = { kind: 'smtp', address: 'inet:127.0.0.1:2', route } as unknown as ListeningDoor
  const handlingBy = (door: ListeningDoor, settings: Record<string, string>) => {
    const env = { QHPSI: 'plugin: eicar', CONTROLDIR: '/nonexistent', ...settings }
    const config = readScanningConfig(env)!
    return describeDoor(door, configurationOf(config)).split(', ')[1]
  }
  const [keep, hold] = [{ QUARANTINE: '/var/kept' }, { QUARANTINE: 'hold' }]
  const forward = { VIRUSFORWARD: 'virus@example.org' }
  t.equal(handlingBy(milter, {}), 'tags viruses and accepts them')
  t.equal(handlingBy(milter, keep), 'keeps viruses in quarantine')
  t.equal(handlingBy(milter, hold), 'has the MTA hold viruses')
  t.equal(handlingBy(milter, { ...keep, REJECTVIRUS: '1' }), 'refuses viruses')
  t.equal(handlingBy(milter, { ...keep, ...forward }), 'keeps viruses in quarantine')
  t.equal(handlingBy(milter, forward), 'sends viruses to virus@example.org')
  t.equal(handlingBy(milter, { REJECTVIRUS: '2' }), 'drops viruses')
  t.equal(handlingBy(milter, { ...keep, REJECTVIRUS: '2' }), 'keeps viruses in quarantine')
  t.equal(handlingBy(behind, { REJECTVIRUS: '1' }), 'tags viruses and accepts them')
  t.equal(handlingBy(behind, { ...keep, REJECTVIRUS: '1' }), 'keeps viruses in quarantine')
  t.equal(
    handlingBy(behind, { ...forward, REJECTVIRUS: '1' }),
    'sends viruses to virus@example.org',
  )
  t.equal(handlingBy(behind, hold), 'defers viruses (QUARANTINE hold)')
})

t.test('onescand reports at its start that it caches no verdicts, and why', async (t) => {
  const config = readScanningConfig({ QHPSI: 'plugin: clamd', CONTROLDIR: '/nonexistent' })!
  const [here, there] = [t.testdir({ here: {}, there: {} }), '/nonexistent/db'].map(String)
  const files = { changed: 1, size: 0, seen: 2, directory: `${here}/here` }
  const end = (signatures: unknown, loadsFrom: unknown, found: object | undefined = files) => {
    const tools = { verdicts: {}, signatureFiles: () => found }
    const scanner = { name: 'clamd', cacheable: { signatures, loadsFrom } }
    const door = { kind: 'milter', address: 'unix:/m' } as const
    return describeDoor(door, configurationOf(config, tools, [scanner])).split('no stamps')[1]
  }
  const notCached = (reason: string) => `, caches no verdicts: ${reason}`
  const own = async () => 'ClamAV 1.4.3'
  t.equal(
    end(own, () => [`${here}/here`]),
    '',
  )
  t.equal(
    end(own, () => [`${here}/there/../here/`]),
    '',
    'by another name',
  )
  t.equal(
    end(own, () => []),
    '',
    'as far as this host knows',
  )
  t.equal(end(own, undefined), '', 'it has none')
  t.equal(
    end(own, () => undefined),
    notCached("the directory of clamd's signatures is unknown; set CLAMDBDIR"),
  )
  for (const other of [`${here}/there`, there!]) {
    t.equal(end(own, () => [other]), notCached(`clamd has its signatures in ${other}, and not in CLAMDBDIR`)) // biome-ignore format: a line
  }
  const tools = { verdicts: {}, signatureFiles: () => undefined }
  const scanner = { name: 'clamd', cacheable: { signatures: own, loadsFrom: () => [] } }
  const door = { kind: 'milter', address: 'unix:/m' } as const
  t.match(
    describeDoor(door, configurationOf(config, tools, [scanner])),
    notCached('there are no signatures in CLAMDBDIR'),
  )
  t.equal(end('not reported', undefined), notCached('clamd does not report its signatures'))
  t.notMatch(describeDoor(door, configurationOf(config, {}, [scanner])), /remembers/)
})
