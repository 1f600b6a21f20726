import { writeFileSync } from 'node:fs'
import t from 'tap'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { codeBlocks } from '../../documents/code-blocks.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'
import { freePort } from '../host/free-port.ts'
import { eximMissing, makeEximHost, startExim } from '../servers/exim.ts'

/** The lines of doc/exim.md for mail of local programs: the main section, and an ACL. */
function linesOfPage(): readonly string[] {
  const { text } = codeBlocks().find(
    ({ page, text }) => page === 'doc/exim.md' && text.includes('acl_not_smtp'),
  )!
  return text.split(/^# onescan, .*\n/m).slice(1)
}

t.test(
  "Exim's lines refuse a virus of a local program, and accept clean mail",
  { skip: eximMissing },
  async (t) => {
    const [port, scanner] = [await freePort(), await freePort()]
    await startOnescand(t, {
      args: ['--clamd', `inet:127.0.0.1:${scanner}`],
      settings: { QHPSI: 'plugin: eicar' },
    })
    const host = makeEximHost(t, `127.0.0.1.${port}`)
    const [main, acl] = linesOfPage()
    writeFileSync(
      host.at('/etc/exim4/exim4.conf'),
      `av_scanner = clamd:127.0.0.1 ${scanner}
spool_directory = ${host.at('/var/spool/exim4')}
daemon_smtp_ports = ${port}
local_interfaces = 127.0.0.1
queue_only = true
host_lookup =
${main}
begin acl
${acl}
`,
    )
    const exim = await startExim(t, host, port)
    const submit = (body: string) =>
      exim.submit(Buffer.from(`Subject: x\n\n${body}\n`), 'ann@example.org', 'ben@example.org')
    t.throws(() => submit(EICAR), 'the virus is refused')
    t.equal(exim.queued(), 0)
    submit('hello')
    t.equal(exim.queued(), 1, 'clean mail is accepted')
  },
)
