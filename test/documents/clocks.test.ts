import t from 'tap'
import { sourceFiles } from '../../tools/documents/source-files.ts'

/** Who below a door reads a clock, a random source or the environment by itself: doc/development/design.md forbids it. */

/** Whole programs, and what is on the layers of the doors and above them. */
const ABOVE = /^(?:delay|quota|scanner\/(?:cli|daemon|desk|doors))\/|\/plugin-host\.ts$/
const SOURCES =
  /\b(?:Date\.now|readUptime|performance\.now|process\.hrtime|process\.uptime|process\.env|new Date\(\)|randomBytes|randomUUID|randomInt|getRandomValues|Math\.random)\b/

/** The exceptions, each with its reason. */
const exceptions: Readonly<Record<string, string>> = {
  'base/flow/polled-value.ts': 'one clock for the polls of a path',
  'base/flow/uptime.ts': 'the clock itself, which others are given',
  'base/protocol/connection/http-connections.ts': 'how long a connection is idle',
  'mail/message/spool.ts': 'a name that no other file has',
  'scanner/configuration/configuration.ts': 'one clock for all interfaces of a process',
  'scanner/handling/mail-services.ts': 'one clock for all sessions of an interface',
  'scanner/handling/quarantine-as-decided.ts': 'the id and the time of a message in quarantine',
  'scanner/log/read-log.ts': 'a log that is being written was written now',
  'scanner/readiness/host/checked-host.ts': 'the time of a check, the same for all of its steps',
  'scanner/scan/crash-guard/poison.ts': 'one clock for a process, which tests set',
  'scanner/scan/quota/ask-by-udp.ts': 'a nonce that nobody can guess',
  'scanner/scan/quota/quota-client.ts': 'one clock for the client, whichever door opens it',
  'scanner/scan/scanners/clamd/canary.ts': 'one clock for all that is known of a clamd',
  'scanner/scan/scanners/clamd/clamd-scanner.ts': 'one clock for all that is known of a clamd',
  'scanner/scan/scanners/clamd/clamd-server.ts': 'one clock for all that is known of a clamd',
  'scanner/scan/scanners/clamd/descriptor-probe.ts': 'one clock for all that is known of a clamd',
  'scanner/scan/scanners/clamd/fail-over.ts':
    'processes that wait for one clamd do not ask in step',
  'scanner/scan/scanners/clamd/session-pool.ts': 'one clock for all that is known of a clamd',
  'scanner/scan/scanners/clamd/versions.ts': 'one clock for all that is known of a clamd',
  'scanner/scan/scanners/file-plugin/host-process.ts': 'a nonce that no plugin can guess',
  'scanner/scan/scanners/permits/scan-permits.ts':
    'one clock for the permits of a scanner that runs here',
  'scanner/scan/scanners/run/manual-scan.ts': 'a scan by hand, which is a command of its own',
  'scanner/scan/verdicts/open-verdicts.ts': 'a secret of this process',
  'scanner/scan/verdicts/store/shared-store.ts': 'how long the store takes to answer a probe',
}

const readers = sourceFiles
  .filter(({ path, text }) => !ABOVE.test(path) && SOURCES.test(withoutComments(text)))
  .map(({ path }) => path)

t.test(
  'nothing else below an interface reads a clock, a random source or the environment',
  async (t) => {
    t.same(
      readers.filter((file) => !(file in exceptions)),
      [],
    )
  },
)

t.test('each exception is still needed', async (t) => {
  t.same(Object.keys(exceptions), readers.sort())
})

t.test('there is one monotonic clock', async (t) => {
  const others = /\bperformance\.now|process\.hrtime|process\.uptime\b/
  const found = sourceFiles.filter(({ text }) => others.test(withoutComments(text)))
  t.same(
    found.map(({ path }) => path),
    ['base/flow/uptime.ts'],
  )
})

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?:^|\s)\/\/.*$/gm, '')
}
