import { writeSync } from 'node:fs'
import { type AddressInfo, isIPv6 } from 'node:net'
import { errorText } from '../../ground/errors/fault.ts'
import type { LogEntry } from '../../ground/errors/log.ts'
import { asksForHelpOrVersion, printHelpOrVersion } from '../../ground/process/help-or-version.ts'
import { notify } from '../../ground/process/notify.ts'
import { printStartReport } from '../../ground/process/start-report.ts'
import { loadLibc } from '../../ground/runtime/libc.ts'
import { faultLines } from '../../ground/settings/faults.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { activatedSockets } from './activated-sockets.ts'
import { allowNetworks } from './allow-networks.ts'
import { checkStart } from './check-start.ts'
import { createCounters } from './counters.ts'
import { serveHttp } from './http.ts'
import { log, troubleLog } from './log.ts'
import { openLookup } from './lookup.ts'
import { answerFrom, answersForNames } from './mailbox-answer.ts'
import { readOptions, type ServiceOptions, usage } from './options.ts'
import { becomeUser, ownStatus, requireFewPrivileges } from './privileges.ts'
import { readServiceSettings } from './service-settings.ts'
import { serveUdp } from './udp.ts'

/** Temporary failure, as of all supervised programs; usage (100) is permanent. */
const FAILED = 111
const USAGE = 100

process.exitCode = FAILED
const env: Environment = { ...process.env }
const words = process.argv.slice(2)
if (asksForHelpOrVersion(words)) {
  printHelpOrVersion('onescan-quotad', usage, words)
  process.exit(0)
}
const uptime = () => performance.now()

process.on('uncaughtException', (error) => {
  log(['event', 'failed'], ['reason', error.stack ?? errorText(error)])
  process.exit(FAILED) // the clients let mail pass
})

const run = words.includes('--check') ? check() : onescanQuotad(optionsOrUsage())
run.catch((error) => {
  log(['event', 'failed'], ['reason', errorText(error)])
  process.exit(FAILED)
})

/** Says all that is wrong with options and settings, and ends as a start with them would. */
async function check(): Promise<void> {
  process.exit(printStartReport(await checkStart(words, env)))
}

/** onescan-quotad(8): says how full mailboxes are until it is told to end. */
async function onescanQuotad(options: ServiceOptions): Promise<void> {
  const { udp, http, networks, maxClients, user } = options
  const settings = readServiceSettings(env)
  const lookup = await openLookup(settings, { now: Date.now, uptime })
  if (user !== undefined) becomeUser(user)
  requireFewPrivileges(process.getuid!(), ownStatus())
  const counters = createCounters()
  const answerForName = answersForNames({
    answerFor: answerFrom(lookup),
    keepCase: settings.keepCase,
    patience: settings.timeout,
    counters,
    logTrouble: troubleLog(log, uptime),
  })
  const allowed = allowNetworks(networks)
  const given = await activatedSockets(process.env, loadLibc)
  const door = { answerForName, allowed, counters, maxClients }
  const udpPlaces = given?.udp ?? (udp ? [udp] : [])
  const sockets = await Promise.all(udpPlaces.map((place) => serveUdp(place, door)))
  const httpPlaces = given?.http ?? (http ? [http] : [])
  const servers = await Promise.all(httpPlaces.map((place) => serveHttp(place, door)))

  process.on('SIGHUP', lookup.forget)
  process.on('SIGUSR1', () => log(['event', 'counters'], ...Object.entries(counters)))
  const stop = async () => {
    for (const socket of sockets) socket.close()
    for (const server of servers) server.close()
    await notify(process.env, 'STOPPING=1')
    log(['event', 'ended'], ...Object.entries(counters))
    process.exit(0)
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  log(['event', 'serving'], ...sockets.map(portOf('udp')), ...servers.map(portOf('http')))
  await notify(process.env, 'READY=1')
}

/** With port 0, the one that the system chose. */
function portOf(protocol: string) {
  return (server: { address(): unknown }): LogEntry => {
    const { address, port } = server.address() as AddressInfo
    return [protocol, isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`]
  }
}

function optionsOrUsage(): ServiceOptions {
  try {
    return readOptions(words)
  } catch (error) {
    for (const line of faultLines(error)) log(['event', 'failed'], ['reason', line])
    writeSync(2, usage)
    process.exit(USAGE)
  }
}
