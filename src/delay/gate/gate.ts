import { closeSync, writeSync } from 'node:fs'
import { errorText, Fault } from '../../base/errors/fault.ts'
import { listenFaultOf } from '../../base/net/endpoint.ts'
import { serviceExit } from '../../base/process/command-line.ts'
import { descriptorLimit } from '../../base/process/descriptors.ts'
import type { Environment } from '../../base/process/environment.ts'
import { requireSystem, type System, systemError } from '../../base/runtime/system.ts'
import { type DelayOptions, type GateOptions, optionDefaults } from '../options/delay-options.ts'
import { findNext } from '../options/ucspi.ts'
import { DelayLog } from '../outcome/delay-log.ts'
import { EARLY_TALKERS } from '../outcome/early-talkers.ts'
import { findTcpRule } from './find-tcp-rule.ts'
import { LineQueue } from './line-queue.ts'
import { Listeners } from './listeners.ts'
import { Receiver } from './receiver.ts'
import { RememberedClients } from './remembered-clients.ts'
import { WaitingConnections } from './waiting-connections.ts'

/** Descriptors reserved for files, the DNS, and pipes to programs that are being started. */
const SPARE_DESCRIPTORS = 64

/**
 * Runs the gate, which replaces tcpserver (smtp-delay(8), THE GATE), until SIGTERM or SIGINT. Resolves to the
 * exit code. Programs that still serve clients then continue without it. Rejects with a Fault if the gate
 * cannot start.
 */
export async function runGate(
  options: DelayOptions,
  gate: GateOptions,
  env: Environment,
  uptime: () => number,
): Promise<number> {
  const next = findNext(options.argv, env)
  const system = requireSystem(EARLY_TALKERS)
  const waiting = new WaitingConnections(waitingLimit(gate))
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, resolve)
  })
  const descriptors = openListeners(gate, system)
  const lines = new LineQueue(system)
  const write = (line: Buffer) => lines.write(line)
  const log = new DelayLog({ isVerbose: options.isVerbose, isQuiet: gate.isQuiet, write })
  dropPrivileges(gate)
  const remembered = new RememberedClients(gate.rememberSeconds * 1000, uptime)
  if (gate.rules) findTcpRule(gate.rules, '', undefined) // so that a broken file is detected now
  const parts = { options, gate, env, next, system, waiting, remembered, log, uptime }
  const receiver = new Receiver(parts)
  const listeners: Listeners = new Listeners({
    system,
    descriptors,
    arrive: (peer) => receiver.arrive(peer, listeners),
    exhausted: () => log.trouble('descriptors or memory are used up; raise the limit (ulimit -n)'),
  })
  process.on('SIGHUP', () => receiver.reload())
  if (gate.printsPort) writeSync(1, `${system.localEndpoint(descriptors[0]!)?.port}\n`)

  await stopped
  listeners.stop()
  for (const descriptor of descriptors) closeSync(descriptor)
  receiver.sendAllAway('this server is being restarted; try again in a minute')
  lines.end()
  return serviceExit.done
}

/** Opens the listening sockets of --listen. Throws a Fault if one cannot be opened. */
function openListeners({ listen, backlog }: GateOptions, system: System): number[] {
  return listen.map((endpoint) => {
    if (endpoint.kind === 'inherited') {
      if (system.adoptListener(endpoint.fd)) return endpoint.fd
      const remedy = 'is not a listening TCP socket; see ListenStream= of systemd.socket(5)'
      throw new Fault('config', `--listen ${endpoint.text}: ${remedy}`)
    }
    const fd = system.listen(endpoint.address, endpoint.port, backlog)
    if (fd >= 0) return fd
    const { code, message } = systemError(fd)
    throw new Fault('config', `--listen ${endpoint.text}: ${listenFaultOf(code) ?? message}`)
  })
}

/**
 * Takes the group of -g, and no others, and the user of -u. Without -g all groups stay, as with tcpserver.
 * Throws a Fault if it cannot.
 */
function dropPrivileges({ uid, gid }: GateOptions): void {
  try {
    if (gid !== undefined) {
      process.setgroups!([gid])
      process.setgid!(gid)
    }
    if (uid !== undefined) process.setuid!(uid)
  } catch (error) {
    const who = [gid !== undefined && `-g ${gid}`, uid !== undefined && `-u ${uid}`]
    const text = who.filter(Boolean).join(' ')
    throw new Fault('config', `${text}: ${errorText(error)}; start it as root`, error)
  }
}

/**
 * Returns how many connections may wait: the number of --waiting, else as many as there are
 * descriptors for, up to the default. Throws a Fault if the limit of descriptors allows fewer.
 */
function waitingLimit({ waiting, programs }: GateOptions): number {
  const descriptors = descriptorLimit()
  // While a program runs the gate keeps its connection open, too, to see how the client behaves.
  const free = descriptors - SPARE_DESCRIPTORS - programs
  const most = waiting ?? Math.min(optionDefaults['--waiting'], free)
  if (most >= 1 && most <= free) return most
  const need = `needs ${Math.max(1, most) + descriptors - free} descriptors`
  const remedy = 'raise it (ulimit -n, softlimit -o, LimitNOFILE=)'
  throw new Fault(
    'config',
    `--waiting ${most}: ${need}, and the limit is ${descriptors}; ${remedy}`,
  )
}
