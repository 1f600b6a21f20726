import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import { type Ending, startServer } from '../host/server.ts'

/** Rspamd compiles its expressions for seconds of processor time, unless an earlier start has left them here. */
const expressions = fileURLToPath(new URL('../../../build/rspamd-expressions', import.meta.url))

/**
 * Writes a list of top-level domains, and returns the option that names it. Each of the 9,000 of Debian's list would be an
 * expression, too: compiling them takes half a minute of processor time.
 */
export function fewDomains(directory: string): string {
  const list = join(directory, 'top-level-domains')
  writeFileSync(list, 'com\nnet\norg\n')
  return `url_tld = "${list}";`
}

/**
 * Starts Debian's rspamd until the test ends, with more files of /etc/rspamd/local.d and lines of its options.inc,
 * and returns its milter in Postfix's form.
 */
export async function startRspamd(
  t: Ending,
  more: Readonly<Record<string, string>> = {},
  options = '',
): Promise<string> {
  const directory = openDirectory(t)
  const port = await freePort()
  const local = join(directory, 'local.d')
  mkdirSync(local)
  mkdirSync(expressions, { recursive: true })
  const files = {
    'worker-proxy.inc': `bind_socket = "127.0.0.1:${port}";\nupstream "local" { default = yes; self_scan = yes; }\n`,
    'worker-normal.inc': 'enabled = false;\n',
    'worker-controller.inc': 'enabled = false;\n',
    // It asks nobody on the network.
    'options.inc': `dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }\nhs_cache_dir = "${expressions}";\n${fewDomains(directory)}\n${options}`,
    ...more,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(local, name), text)
  const places = ['LOCAL_CONFDIR', 'DBDIR', 'RUNDIR', 'LOGDIR'].map((name) => `--var=${name}=${directory}`) // biome-ignore format: a line
  const command = ['rspamd', '-f', '-c', '/etc/rspamd/rspamd.conf', '-u', 'root', '-g', 'root', '-i', ...places] // biome-ignore format: a line
  const server = await startServer(command, { port, host: '127.0.0.1' })
  t.teardown(() => server.stop())
  return `inet:127.0.0.1:${port}`
}
