// The http part of onescand by itself, told of 200 messages a second: http-part.ts PORT
import { createRequire } from 'node:module'
import type { openStatusServer as Open } from '../../../src/doors/http/status-server.ts'

const require = createRequire(import.meta.url)
const { openHttpPlace } = require('../../../dist/status-server.cjs') as {
  openHttpPlace: typeof Open
}
const port = Number(process.argv[2])
const place = await openHttpPlace({
  address: '127.0.0.1',
  tokenFile: undefined,
  hideAddresses: false,
  about: () => ({ host: 'mx1', version: '1', does: [] }),
  amiss: () => [],
  quarantine: () => undefined,
  swept: () => undefined,
  listen: (server) =>
    new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(() => server.close()))),
  isReady: () => true,
  log: () => {},
  observed: {
    version: '1',
    started: 0,
    now: Date.now,
    uptime: () => performance.now(),
    tryAll: () => undefined,
    scanPolicy: () => undefined,
    spoolDirectory: '/tmp',
    memoryLimit: 1,
    workers: () => ({ replaced: 0, hung: 0, late: [] }),
  },
})
let number = 0
setInterval(() => {
  const at = Date.now()
  const lines = Array.from({ length: 200 }, () => ({ line: lineOf(++number), time: at }))
  const doors = { slot: { clients: 8, memory: 32_000 } }
  const told = {
    at,
    lines,
    lost: 0,
    cold: { told: 0, left: 0 },
    underway: [],
    judging: 8,
    doors,
    servers: {},
    sharing: undefined,
    poisoned: undefined,
    quota: undefined,
  }
  place.observer.report(1, { kind: 'report', ...told })
}, 1000)

function lineOf(n: number): string {
  return `onescan: decision=accept scan=clean scanner=clamd key=mx1 reason="no stamp" verify_ms=0.2 scan_ms=3.1 sign_ms=0.1 peer_uid=0 peer_pid=1 remote=192.0.2.1 size=4100 msgid=<${n}@mail.example.org> from=<user@example.com> to=<box@example.net> rcpts=1 total_ms=3.9`
}
