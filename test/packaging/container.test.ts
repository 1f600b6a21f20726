import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { codeBlocks } from '../documents/code-blocks.ts'
import { python, pythonMissing } from '../programs/host/python.ts'
import { startServer } from '../programs/host/server.ts'
import { postfixMissing, startPostfix } from '../programs/servers/postfix.ts'
import { until } from '../run/until.ts'
import { extractPackages, packageOnce, packagesBeside } from './built-package.ts'
import {
  BASE,
  buildServers,
  type ContainerHost,
  containersMissing,
  release,
  startContainerHost,
} from './containers.ts'
import { earlierPackage } from './earlier-package.ts'
import { checkFlow, FLOW } from './mail-flow.ts'

/**
 * The image and its compose.yaml, on a host with containers; Postfix and a next server are outside. EARLIER is the file
 * of a real earlier package, from which another image is made.
 */

const skip = containersMissing || postfixMissing || pythonMissing
const source = join(import.meta.dirname, '../../packaging/shipped/container')
const IMAGE = 'localhost/onescan:test'
const EARLIER = 'localhost/onescan:earlier'

t.test('compose.yaml', { skip }, async (t) => {
  const [host, file] = await Promise.all([startContainerHost(t), packageOnce('whole')])
  const composition = join(host.directory, 'onescan')
  mkdirSync(composition)
  copyFileSync(join(source, 'compose.yaml'), join(composition, 'compose.yaml'))
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const platform = ['--platform', `linux/${arch}`, '--build-arg', `RELEASE=${release}`]
  const buildImage = (
    tag: string,
    packages: readonly (readonly [path: string, name: string])[],
  ) => {
    const context = join(host.directory, basename(tag))
    mkdirSync(context)
    for (const [path, name] of packages) copyFileSync(path, join(context, name))
    copyFileSync(join(source, 'Containerfile'), join(context, 'Containerfile'))
    host.build(context, '--format', 'docker', '--tag', tag, ...platform) // OCI's has no HEALTHCHECK
  }
  buildImage(
    IMAGE,
    packagesBeside(file).map((path) => [path, basename(path)] as const),
  )
  buildServers(host, 'docker.io/clamav/clamav:stable', 'docker.io/valkey/valkey:8')

  const mail = join(host.directory, 'mail')
  mkdirSync(mail)
  /** A mail server on the host of the containers, which keeps what it gets in files. */
  const startNext = async () => {
    const keeps = `echo ready && exec smtp-sink -u root -d '${join(mail, '%M.')}' 0.0.0.0:10025 100`
    const server = await startServer([...host.around, '/bin/sh', '-c', keeps], /^ready$/)
    t.teardown(server.stop)
    return server
  }
  const next = await startNext()
  const delivered = () => readdirSync(mail).map((name) => readFileSync(join(mail, name), 'latin1'))

  const keys = '/etc/onescan/keys/clusterkeys'
  const settings = {
    ONESCAN_IMAGE: IMAGE,
    REJECTVIRUS: '1',
    CLUSTERKEYS: keys,
    VERDICTS: 'valkey://valkey:6379',
    ONESCAND_OPTIONS:
      '--smtp inet:0.0.0.0:10024 --from 127.0.0.1,172.30.88.0/23 --next inet:172.30.88.1:10025',
  }
  /** As on the page: settings are in the file .env. */
  const configure = (settings: Readonly<Record<string, string>>) => {
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(join(composition, '.env'), lines.join(''))
  }
  const compose = (...words: string[]) => host.compose(composition, {}, ...words)
  const inOnescan = (...words: string[]) => host.podman('exec', 'onescan_onescan_1', ...words)
  const log = () => host.podman('logs', 'onescan_onescan_1')

  // podman-compose of Debian 12 makes them with other subnets than those of the file.
  const text = readFileSync(join(source, 'compose.yaml'), 'utf8')
  for (const [, name, subnet] of text.matchAll(/^ {2}(\w+):\n {4}ipam:\n.* subnet: (\S+) /gm)) {
    host.podman('network', 'create', '--subnet', subnet!, `onescan_${name}`)
  }
  configure(settings)
  compose('run', '--rm', 'onescan', 'onescan', 'keygen', '--append', keys)
  compose('up', '--detach', 'clamd', 'valkey', 'onescan')
  await healthy(host)
  const asks = { smtpd_milters: 'inet:127.0.0.1:8890', milter_default_action: 'tempfail' }
  const postfix = await startPostfix(t, 10025, asks, { around: host.around })

  t.test('the image has the programs of the package, byte for byte, and no compiler', (t) => {
    const sums = 'cd /usr/lib/onescan && find . -type f -exec sha256sum {} +'
    const packed = join(host.directory, 'packed')
    extractPackages(file, packed)
    const wanted = execFileSync('find', ['.', '-type', 'f'], {
      cwd: join(packed, 'usr/lib/onescan'),
      encoding: 'utf8',
    })
    const sumOf = (name: string) =>
      createHash('sha256')
        .update(readFileSync(join(packed, 'usr/lib/onescan', name)))
        .digest('hex')
    const lines = (text: string) => text.trim().split('\n').sort()
    t.same(
      lines(inOnescan('sh', '-c', sums)),
      lines(wanted)
        .map((name) => `${sumOf(name)}  ${name}`)
        .sort(),
    )
    t.throws(() => inOnescan('sh', '-c', 'command -v cc gcc c++ make node npm'))
    t.end()
  })

  t.test('it runs as its account, may nothing, and cannot change its own files', (t) => {
    t.equal(inOnescan('id').trim(), 'uid=8890(onescan) gid=8890(onescan) groups=8890(onescan)')
    const status = inOnescan('cat', '/proc/1/status')
    for (const set of ['CapEff', 'CapPrm', 'CapBnd']) t.match(status, `${set}:\t0000000000000000`)
    t.match(status, 'NoNewPrivs:\t1')
    t.throws(() => inOnescan('touch', '/etc/x'), /Read-only file system/)
    t.match(inOnescan('stat', '-f', '-c', '%T', '/tmp'), 'tmpfs')
    t.end()
  })

  const clean = (subject: string) =>
    `From: ann@example.net\nTo: ben@example.org\nDate: Mon, 23 Nov 2026 10:00:00 +0000\n` +
    `Message-ID: <${subject}@example.net>\nSubject: ${subject}\n\nhello\n`
  const virus = `Subject: virus\nTo: ben@example.org\n\n${EICAR}\n`
  /** The conversation that swaks(1) has there. */
  const send = (port: number, message: string) => {
    const envelope = ['--from', 'ann@example.net', '--to', 'ben@example.org', '--data', '-']
    const words = ['swaks', '--server', `127.0.0.1:${port}`, ...envelope]
    return host.run(['sh', '-c', '"$@"; true', 'sh', ...words], { input: Buffer.from(message) })
  }
  const arrived = (subject: string) => {
    const isIt = (text: string) => text.includes(`Subject: ${subject}\n`) && text.includes('hello')
    return until(() => delivered().find(isIt), `the mail about ${subject} is delivered`)
  }

  for (const [door, port] of [
    ['milter', postfix.port],
    ['SMTP', 10024],
  ] as const) {
    t.test(`clean mail passes through ${door}, and a virus is refused`, async (t) => {
      t.match(send(port, clean(door)), /^ -> \.\n<- {2}250 /m)
      t.match(await arrived(door), /^X-QHPSI: clean$/m)
      t.match(send(port, virus), /^<\*\* 55[04] 5\.7\.1 .*EICAR-Test/m)
      t.notOk(delivered().some((text) => text.includes(EICAR)))
      t.match(log(), new RegExp(`decision=reject .*interface=${door.toLowerCase()}`))
    })
  }

  t.test('check asks the onescand of the container, and knows what this place is', (t) => {
    const output = inOnescan('sh', '-c', 'onescan check; true')
    t.match(output, /reports a clean message as clean, and finds EICAR; open: .*milter inet:0/)
    t.match(output, /^ok +mail server: this host has none; onescand serves other hosts at /m)
    t.notMatch(output, /^error|does not answer|is not used|only to root/m)
    t.end()
  })

  t.test('the image has the command that tests any mail server', async (t) => {
    const words = ['--mail', 'ben@example.org', '--smtp', '127.0.0.1:10024']
    const output = inOnescan('onescan', 'check', ...words) // throws if anything was accepted but clean mail
    t.match(output, /^ok +EICAR in a zip: refused with 55[04] /m)
    t.equal(output.match(/^ok /gm)?.length, 9)
  })

  t.test('a program that asks clamd asks at another address', async (t) => {
    const config = join(host.directory, 'clamdscan.conf')
    writeFileSync(config, 'TCPSocket 3311\nTCPAddr 127.0.0.1\n')
    const scan = (message: string) => {
      const words = ['clamdscan', '--config-file', config, '--stream', '--no-summary', '-']
      return host.run(['sh', '-c', '"$@"; true', 'sh', ...words], { input: Buffer.from(message) })
    }
    t.match(scan(clean('asked')), /: OK$/m)
    t.match(scan(virus), /: EICAR-Test\S* FOUND$/m)
  })

  t.test('another Compose project reaches the milter by the override of the page', async (t) => {
    const project = join(host.directory, 'mailcow')
    mkdirSync(project)
    const { text } = codeBlocks().find(({ text }) =>
      text.startsWith('services:\n  postfix-mailcow:'),
    )!
    writeFileSync(join(project, 'docker-compose.override.yml'), text)
    writeFileSync(
      join(project, 'docker-compose.yml'),
      `services:
  postfix-mailcow:
    image: ${BASE}
    command: [sleep, infinity]
    stop_signal: SIGKILL
    networks: [mailcow-network]
networks:
  mailcow-network: {}
`,
    )
    host.compose(project, {}, 'up', '--detach')
    const connects = 'exec 3<>/dev/tcp/onescan/8890 && echo connected'
    const inPostfix = (...words: string[]) =>
      host.podman('exec', 'mailcow_postfix-mailcow_1', ...words)
    t.match(inPostfix('bash', '-c', connects), /^connected$/m)
    host.compose(project, {}, 'down')
  })

  t.test('page and metrics are for those who know the token, which the container has made', (t) => {
    const fetching = `fetch("http://127.0.0.1:9808" + process.argv[1], {
      headers: { authorization: "Bearer " + process.argv[2] },
    }).then(async (answer) => console.log(answer.status, await answer.text()))`
    const ask = (...words: string[]) => host.run([process.execPath, '-e', fetching, ...words])
    const token = inOnescan('cat', '/etc/onescan/keys/page-token').trim()
    t.match(ask('/', 'no'), /^401 /)
    t.match(ask('/', token), /^200 <!doctype html>/i)
    t.match(ask('/metrics', token), /^onescan_store_ok 1$/m, 'which states that Valkey is asked')
    t.match(log(), 'refuses viruses, stamps with 1 key')
    t.end()
  })

  t.test('SIGTERM ends connections as a restart does', async (t) => {
    const session = await openSession(t, host)
    t.match(await session.next(), /^220 /)
    host.podman('stop', '--time', '30', 'onescan_onescan_1')
    t.match(await session.next(), /^421 /)
    const { ExitCode } = JSON.parse(host.podman('inspect', 'onescan_onescan_1'))[0].State
    t.equal(ExitCode, 0)
  })

  t.test('keys, token and quarantine outlive the containers', async (t) => {
    const quarantine = '/var/lib/onescan/quarantine'
    configure({ ...settings, REJECTVIRUS: '0', QUARANTINE: quarantine })
    const recreate = () => {
      compose('up', '--detach', '--force-recreate')
      return healthy(host)
    }
    await recreate()
    t.match(send(postfix.port, virus), /^ -> \.\n<- {2}250 /m)
    const list = () => inOnescan('onescan', 'quarantine', 'list', '--directory', quarantine)
    const token = inOnescan('cat', '/etc/onescan/keys/page-token', keys)
    t.match(list(), 'EICAR-Test')
    await recreate()
    t.match(list(), 'EICAR-Test')
    t.equal(inOnescan('cat', '/etc/onescan/keys/page-token', keys), token)
  })

  t.test('it is healthy only while its next server is there', async (t) => {
    await next.stop()
    await health(host, 1)
    await startNext()
    await health(host, 0)
    t.pass()
  })

  const imageOfOnescan = () =>
    host.podman('inspect', '--format', '{{.ImageName}}', 'onescan_onescan_1').trim()

  t.test('an earlier image is replaced while mail comes, and none is lost', async (t) => {
    buildImage(EARLIER, [[earlierPackage(t, file), `onescan_0.9.0_${arch}.deb`]])
    // A setting that earlier versions did not have by default.
    configure({ ...settings, ONESCAN_IMAGE: EARLIER, QHPSI: 'plugin: clamd' })
    compose('up', '--detach', '--force-recreate')
    await healthy(host)
    t.equal(imageOfOnescan(), EARLIER)

    const at = (name: string) => join(host.directory, name)
    writeFileSync(at('flow.py'), FLOW)
    const flows = await Promise.all(
      [postfix.port, 10024].map((port) =>
        startServer(
          [...host.around, python, at('flow.py'), String(port), at('stop')],
          /^accepted /,
        ),
      ),
    )
    configure(settings)
    compose('up', '--detach', '--force-recreate')
    await healthy(host)
    t.equal(imageOfOnescan(), IMAGE)
    const before = flows.map(({ log }) => log.length)
    await until(
      () => flows.every(({ log }, n) => log.length > before[n]! + 3),
      'mail is accepted again',
    )
    writeFileSync(at('stop'), '')
    const deferred = '4\\d\\d'
    for (const [n, others] of [deferred, `${deferred}|none`].entries()) {
      await flows[n]!.logged(/^virus /)
      const fine = {
        clean: new RegExp(`^(250|${others})$`),
        virus: new RegExp(`^(55[04]|${others})$`),
      }
      await checkFlow(t, flows[n]!.log.join('\n'), fine, () => delivered().join('\n'))
    }
  })

  t.test('it is removed: mail comes unscanned, and the volumes are kept', async (t) => {
    const volumes = () => host.podman('volume', 'ls', '--quiet').trim().split('\n').filter(Boolean)
    const configuration = join(dirname(postfix.queue), 'etc')
    execFileSync('postconf', ['-c', configuration, '-e', 'smtpd_milters='])
    process.kill(postfix.pid, 'SIGHUP')
    compose('down')
    const sent = await until(
      () => send(postfix.port, virus),
      'EICAR is accepted',
      (answers) => /^ -> \.\n<- {2}250 /m.test(answers),
    )
    t.match(sent, '250 ')
    t.match(volumes(), ['onescan_keys', 'onescan_quarantine', 'onescan_signatures'])
    compose('down', '--volumes')
    t.same(volumes(), [])
  })
})

/** Waits until the health check ends so; throws what it and onescand print if it does not within a minute. */
async function health(host: ContainerHost, code: 0 | 1): Promise<void> {
  let output = ''
  for (let tries = 0; tries < 100; tries++) {
    const check = 'exec onescan_onescan_1 /usr/share/onescan/container/health'
    output = host.run(['sh', '-c', `"$0" ${check}; echo $?`, join(host.directory, 'podman')])
    if (output.endsWith(`${code}\n`)) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(
    `${output}${host.podman('ps', '--all')}${host.podman('logs', 'onescan_onescan_1')}`,
  )
}

const healthy = (host: ContainerHost) => health(host, 0)

/** The lines that the SMTP door sends to a client that sends nothing. */
async function openSession(t: Test, host: ContainerHost) {
  const script = 'require("node:net").connect(10024, "127.0.0.1").pipe(process.stdout)'
  const words = [...host.around, process.execPath, '-e', script]
  const client = spawn(words[0]!, words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => client.kill())
  const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]()
  return { next: async () => String((await lines.next()).value) }
}
