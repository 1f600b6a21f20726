import type { AddressInfo } from 'node:net'
import { codeOfStart, printCheck } from '../base/check/print-check.ts'
import { faultLines } from '../base/errors/aggregate-fault.ts'
import { errorText } from '../base/errors/fault.ts'
import { readUptime } from '../base/flow/uptime.ts'
import type { LogField } from '../base/log/line-format.ts'
import { standardError } from '../base/log/log-queue.ts'
import { writeEndpoint } from '../base/net/endpoint.ts'
import { printsHelpOrVersion, serviceExit } from '../base/process/command-line.ts'
import type { Environment } from '../base/process/environment.ts'
import { whenReplaced } from '../base/systemd/bound-paths.ts'
import { notify } from '../base/systemd/sd-daemon.ts'
import { checkStart, requireFewPrivileges } from './check-quotad-start.ts'
import { serveHttp } from './http-service.ts'
import { openLookup } from './lookup.ts'
import { answersForNames } from './mailbox-answer.ts'
import { log, ServiceCounters, troubleLog } from './quotad-log.ts'
import { activatedSockets, readOptions, type ServiceOptions, usage } from './quotad-options.ts'
import { serveRoot } from './serve-root.ts'
import { readServiceSettings } from './service-settings.ts'
import { THREADS } from './sources/mailbox-reads.ts'
import { serveUdp } from './udp-service.ts'

process.exitCode = serviceExit.temporary
process.env.UV_THREADPOOL_SIZE = String(THREADS) // Node reads it for the first thread
const env: Environment = { ...process.env }
const args = process.argv.slice(2)
if (printsHelpOrVersion('onescan-quotad', usage, args)) process.exit(0)

process.on('uncaughtException', (error) => {
  log(['event', 'failed'], ['reason', error.stack ?? errorText(error)])
  process.exit(serviceExit.temporary) // clients accept mail without an answer
})

const run = args.includes('--check') ? check() : onescanQuotad(readOptionsOrExit())
run.catch((error) => {
  log(['event', 'failed'], ['reason', errorText(error)])
  process.exit(serviceExit.temporary)
})

/** Prints all faults of options and settings. The exit code is that of a start with them. */
async function check(): Promise<void> {
  const { isUsage, checkLines } = await checkStart(args, env)
  const printsJson = args.includes('--json')
  await printCheck(checkLines, printsJson)
  process.exit(printsJson ? 0 : isUsage ? serviceExit.usage : codeOfStart(checkLines))
}

/** Answers how full mailboxes are until SIGTERM or SIGINT (onescan-quotad(8)). */
async function onescanQuotad(options: ServiceOptions): Promise<void> {
  const { udp, http, mayAsk, maxClients } = options
  const settings = readServiceSettings(env)
  const counters = new ServiceCounters()
  const opening = openLookup(settings, { now: Date.now, uptime: readUptime })
  process.on('SIGHUP', () => void opening.then((opened) => opened.forget()))
  process.on('SIGUSR1', () => log(['event', 'counters'], ...Object.entries(counters)))
  const lookup = await opening
  requireFewPrivileges()
  const answerForName = answersForNames(lookup, settings, counters, troubleLog(log, readUptime))
  const activated = activatedSockets(process.env)
  const service = { answerForName, mayAsk, counters, maxClients }
  const find = async () => (await checkStart(args, env)).checkLines
  const places =
    activated && activated.udp.length + activated.http.length > 0 ? activated : undefined
  const udpAddresses = places?.udp ?? (udp ? [udp] : [])
  const sockets = await Promise.all(udpAddresses.map((address) => serveUdp(address, service)))
  const httpAddresses = places?.http ?? (http ? [http] : [])
  const servers = await Promise.all(httpAddresses.map((address) => serveHttp(address, service)))

  const rootServers = await Promise.all((activated?.forRoot ?? []).map((fd) => serveRoot(fd, find)))

  const stop = () => {
    for (const socket of sockets) socket.close()
    for (const server of [...servers, ...rootServers]) server.close()
    notify(process.env, 'STOPPING=1')
    log(['event', 'ended'], ...Object.entries(counters))
    process.exit(0)
  }
  whenReplaced(process.env, (place) => {
    log(
      ['event', 'replaced'],
      [
        'reason',
        `${place}: was replaced, so onescan-quotad exits, and its service starts it again`,
      ],
    )
    stop()
  })
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  log(['event', 'serving'], ...sockets.map(portOf('udp')), ...servers.map(portOf('http')))
  notify(process.env, 'READY=1')
}

/** Returns the address for the log. With port 0, it contains the actual port. */
function portOf(protocol: string) {
  return (server: { address(): unknown }): LogField => {
    const { address, port } = server.address() as AddressInfo
    return [protocol, writeEndpoint({ host: address, port })]
  }
}

function readOptionsOrExit(): ServiceOptions {
  try {
    return readOptions(args)
  } catch (error) {
    for (const line of faultLines(error)) log(['event', 'failed'], ['reason', line])
    standardError.write(Buffer.from('Try "onescan-quotad --help".\n')) // below the lines that wait there
    process.exit(serviceExit.usage)
  }
}
